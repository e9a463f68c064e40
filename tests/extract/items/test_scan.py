import os
from pathlib import Path

import pytest

from fmn.errors import InputError
from fmn.extract.items.scan import scan


def fill(root: Path, *files: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("not opened")
    return root


def table(found):
    return [(item.modality, item.id, item.label, item.pair) for item in found.items]


def test_class_folders_become_labels(tmp_path):
    videos = fill(tmp_path / "v", "open/1.mp4", "open/deep/er/2.MKV", "close/1.gif")
    audio = fill(tmp_path / "a", "open/x.wav", "close/y.flac", "close/z.mp4")
    found = scan(videos, audio)
    assert table(found) == [
        ("video", "close/1.gif", "close", ""),
        ("video", "open/1.mp4", "open", ""),
        ("video", "open/deep/er/2.MKV", "open", ""),
        ("audio", "close/y.flac", "close", ""),
        ("audio", "close/z.mp4", "close", ""),
        ("audio", "open/x.wav", "open", ""),
    ]
    assert found.notices == []
    assert found.set_aside == []
    assert found.items[0].path == str(videos / "close/1.gif")
    assert {item.split for item in found.items} == {""}


def test_flat_folders_pair_by_stem_and_set_aside_what_has_no_partner(tmp_path):
    videos = fill(tmp_path / "v", "b.mp4", "a.b.mp4", "alone.avi")
    audio = fill(tmp_path / "a", "b.wav", "a.b.mp3", "nobody.wav")
    found = scan(videos, audio)
    assert table(found) == [
        ("video", "a.b.mp4", "", "a.b"),
        ("video", "b.mp4", "", "b"),
        ("audio", "a.b.mp3", "", "a.b"),
        ("audio", "b.wav", "", "b"),
    ]
    assert found.set_aside == ["alone.avi", "nobody.wav"]
    first, second = found.notices
    assert "1 files" in first
    assert "alone.avi" in first
    assert "nobody.wav" in second


def test_files_that_share_a_stem_are_set_aside_by_name(tmp_path):
    videos = fill(tmp_path / "v", "a.mp4", "a.avi", "b.mp4")
    found = scan(videos, fill(tmp_path / "a", "a.wav", "b.wav"))
    assert [item.id for item in found.items] == ["b.mp4", "b.wav"]
    assert found.set_aside == ["a.avi", "a.mp4", "a.wav"]
    assert "share a stem" in found.notices[0]
    assert "a.avi, a.mp4" in found.notices[0]


def test_accents_written_in_two_ways_are_one_stem(tmp_path):
    found = scan(fill(tmp_path / "v", "caf\u00e9.mp4"), fill(tmp_path / "a", "cafe\u0301.wav"))
    assert [item.pair for item in found.items] == ["caf\u00e9"] * 2


def test_without_recordings_the_videos_own_tracks_are_used(tmp_path):
    found = scan(fill(tmp_path / "flat", "a.mp4", "a.avi"))
    assert table(found) == [
        ("video", "a.avi", "", "a.avi"),
        ("video", "a.mp4", "", "a.mp4"),
        ("audio", "a.avi", "", "a.avi"),
        ("audio", "a.mp4", "", "a.mp4"),
    ]
    assert "own sound tracks of the 2 videos" in found.notices[0]
    found = scan(fill(tmp_path / "classes", "open/1.mp4", "close/1.mp4"))
    videos, sounds = found.items[:2], found.items[2:]
    assert [(item.label, item.pair) for item in found.items] == [("close", ""), ("open", "")] * 2
    for video, sound in zip(videos, sounds, strict=True):
        assert video.path == sound.path
        assert video.group == sound.group == video.id == sound.id  # the split keeps them on one side


def test_loose_files_beside_class_folders_are_set_aside_by_name(tmp_path):
    videos = fill(tmp_path / "v", "open/1.mp4", "loose.mp4", "more.avi")
    found = scan(videos, fill(tmp_path / "a", "open/1.wav"))
    assert [item.id for item in found.items] == ["open/1.mp4", "open/1.wav"]
    assert found.set_aside == ["loose.mp4", "more.avi"]
    assert "2 files lie beside the class folders" in found.notices[0]
    assert "loose.mp4, more.avi" in found.notices[0]


def test_labels_of_one_side_only_are_named(tmp_path):
    videos = fill(tmp_path / "v", "open/1.mp4", "cut/1.mp4")
    found = scan(videos, fill(tmp_path / "a", "open/1.wav", "stir/1.wav", "wash/1.wav"))
    assert len(found.items) == 5
    assert found.notices == [
        "1 label has no audio, so nothing there can match: cut.",
        "2 labels have no video, so nothing there can match: stir, wash.",
    ]


def test_nothing_in_common_says_how_to_pair(tmp_path):
    flat, other = fill(tmp_path / "v", "1.mp4"), fill(tmp_path / "a", "2.wav")
    classes, others = fill(tmp_path / "vc", "open/1.mp4"), fill(tmp_path / "ac", "close/1.wav")
    for videos, audio, words in (
        (flat, other, "no file of .* has the stem"),
        (classes, others, r"class folders of .* \(open\) and of .* \(close\) have no name in common"),
        (classes, other, r"vc has class sub-folders \(open\) and .*a has none"),
        (flat, others, r"ac has class sub-folders \(close\) and .*v has none"),
    ):
        with pytest.raises(InputError, match=f"^No audio for any video: .*{words}.*two flat folders.*--manifest FILE"):
            scan(videos, audio)


def test_other_files_are_counted_and_hidden_ones_passed_over(tmp_path):
    videos = fill(tmp_path / "v", "1.mp4", "notes.txt", "thumbs.db", ".hidden.mp4", "._1.mp4", ".trash/2.mp4", "none")
    found = scan(videos, fill(tmp_path / "a", "1.wav", "cover.jpg"))
    assert [item.id for item in found.items] == ["1.mp4", "1.wav"]
    assert found.ignored == 4


def test_recordings_of_phones_are_taken_and_what_may_be_media_is_named(tmp_path):
    videos = fill(tmp_path / "v", "memo.mp4", "dump.hevc", "notes.txt")
    found = scan(videos, fill(tmp_path / "a", "memo.3ga"))
    assert [item.id for item in found.items] == ["memo.mp4", "memo.3ga"]
    assert found.ignored == 2
    assert len(found.notices) == 1
    assert "1 files of" in found.notices[0] and "passed over: dump.hevc." in found.notices[0]
    with pytest.raises(InputError, match=r"holds no audio file \(2 other files, memo\.dss among them\)"):
        scan(videos, fill(tmp_path / "b", "memo.dss", "notes.txt"))


def test_folders_that_are_missing_or_empty(tmp_path):
    videos = fill(tmp_path / "v", "1.mp4")
    with pytest.raises(InputError, match=r"video folder .*nowhere does not exist"):
        scan(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"audio folder .*nowhere does not exist"):
        scan(videos, tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file, not a folder"):
        scan(videos / "1.mp4")
    with pytest.raises(InputError, match=r"holds no audio file \(1 other files\).*\.wav"):
        scan(videos, fill(tmp_path / "a", "notes.txt"))


def test_links_are_followed_and_never_in_circles(tmp_path):
    archive = fill(tmp_path / "archive", "1.mp4", "2.mp4")
    videos = fill(tmp_path / "v", "cut/3.mp4")
    (videos / "open").symlink_to(archive)
    (videos / "again").symlink_to(archive)
    (archive / "back").symlink_to(videos)
    (videos / "cut" / "self").symlink_to(videos / "cut")
    (videos / "cut" / "gone.mp4").symlink_to(tmp_path / "missing.mp4")
    found = scan(videos)
    ids = [item.id for item in found.items if item.modality == "video"]
    assert ids == ["again/1.mp4", "again/2.mp4", "cut/3.mp4", "cut/gone.mp4", "open/1.mp4", "open/2.mp4"]
    assert sum("leads back to a folder" in notice for notice in found.notices) == 3
    assert {item.label for item in found.items} == {"again", "cut", "open"}


def test_a_whole_folder_may_be_a_link(tmp_path):
    fill(tmp_path / "archive", "open/1.mp4")
    (tmp_path / "v").symlink_to(tmp_path / "archive")
    assert [item.id for item in scan(tmp_path / "v").items] == ["open/1.mp4"] * 2


def test_a_name_that_is_no_text_is_set_aside_by_name(tmp_path):
    videos = fill(tmp_path / "v", "good.mp4")
    try:
        with open(os.fsencode(videos) + b"/bad\xff.mp4", "wb"):
            pass
    except OSError:
        pytest.skip("this file system takes no such name")
    found = scan(videos)
    assert [item.id for item in found.items] == ["good.mp4"] * 2
    assert found.set_aside == ["bad\\udcff.mp4"]
    assert any("bad\\udcff.mp4" in notice and "rename" in notice for notice in found.notices)


def test_relative_folders_give_absolute_paths(tmp_path, monkeypatch):
    fill(tmp_path / "v", "1.mp4")
    monkeypatch.chdir(tmp_path)
    assert scan(Path("v")).items[0].path == str(tmp_path / "v" / "1.mp4")


def test_long_lists_are_cut_with_a_count_in_the_notice_only(tmp_path):
    videos = fill(tmp_path / "v", "pair.mp4", *(f"{index:03}.mp4" for index in range(50)))
    found = scan(videos, fill(tmp_path / "a", "pair.wav"))
    assert len(found.set_aside) == 50
    assert found.notices[0].startswith("50 files")
    assert found.notices[0].endswith("009.mp4 and 40 more.")
