"""Which clips are spoken of: manifests, folders, and mistakes in sentences."""

import os
import unicodedata

import pytest

from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest
from fmn.extract.items.scan import scan
from fmn.speech.clips import read_clips


def write(path, text):
    path.write_bytes(text.encode())
    return path


def test_ids_and_paths_are_those_of_the_extraction(tmp_path):
    path = write(
        tmp_path / "set.csv",
        "modality, path,start,end,id,label,camera\n"
        "video,a.mp4,0,2.5,,x,left\nvideo,a.mp4,2.50,,,x,\nvideo,a.mp4,,,,x,\n\nvideo,/b/c.mp4,1,2,mine,y\naudio,a.wav\n"
        "video,d.mp4,1,2,,y,\n",
    )
    found = read_clips(path)
    theirs = [item for item in read_manifest(path).items if item.modality == "video"]
    assert [(clip.id, clip.values["path"]) for clip in found.clips] == [(item.id, item.path) for item in theirs]
    assert found.columns == ["modality", "path", "start", "end", "id", "label", "camera"]
    assert found.clips[0].get("camera") == "left" and found.clips[0].get("text") == ""
    assert found.notices == [f"1 recordings that {path} lists are left out: these are spoken anew."]


def test_a_folder_gives_the_ids_and_labels_of_the_extraction(tmp_path):
    videos = tmp_path / "videos"
    for name in ("b/1.mp4", "b/deep/2.MKV", "a/1.mp4", "loose.mp4", "a/notes.txt", ".hidden/1.mp4", "a/.x.mp4"):
        (videos / name).parent.mkdir(parents=True, exist_ok=True)
        (videos / name).touch()
    apart = unicodedata.normalize("NFD", "öl")
    (videos / apart).mkdir()
    (videos / apart / "1.mp4").touch()
    (videos / "b" / "loop").symlink_to(videos, target_is_directory=True)
    found = read_clips(videos)
    theirs = [item for item in scan(videos).items if item.modality == "video"]
    ours = [(clip.id, clip.get("label"), clip.values["path"]) for clip in found.clips]
    assert ours == sorted((item.id, item.label, item.path) for item in theirs)
    assert "1 videos lie beside" in found.notices[0]


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_that_are_no_text_are_passed_over(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.mp4").touch()
    try:
        (tmp_path / "a" / os.fsdecode(b"\xff.mp4")).touch()
    except OSError:
        pytest.skip("this file system takes text only")
    assert [clip.id for clip in read_clips(tmp_path).clips] == ["a/1.mp4"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modality;path\nvideo;a.mp4\n", "needs the columns modality and path. Its first line has: modality;path"),
        ("modality,path\n", r"lists no video \(0 recordings\)"),
        ("modality,path\naudio,a.wav\n", r"lists no video \(1 recordings\)"),
        ("modality,path,split\n\nvideo,a.mp4,training\n", "line 3: the split is train, val, test or empty"),
        ("modality,path\nvideo,a.mp4\nvideo,a.mp4\n", "line 3: the video id 'a.mp4' stands in line 2"),
    ],
)
def test_mistakes_are_sentences(tmp_path, text, words):
    path = write(tmp_path / "set.csv", text)
    with pytest.raises(InputError, match=words) as caught:
        read_clips(path)
    assert str(path) in str(caught.value)


def test_recordings_of_one_id_are_none_of_our_business(tmp_path):
    path = write(tmp_path / "set.csv", "modality,path\nvideo,a.mp4\naudio,a.wav\naudio,a.wav\n")
    assert [clip.id for clip in read_clips(path).clips] == ["a.mp4"]


def test_what_is_neither_manifest_nor_folder_of_clips(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_clips(tmp_path / "missing.csv")
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(InputError, match=r"no class sub-folder with a video in it \(1 videos lie beside\)"):
        read_clips(tmp_path)
