import csv

import pytest

from fmn.errors import InputError
from fmn.extract.items.manifest import COLUMNS, read_manifest
from fmn.item import Item


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_every_column(tmp_path):
    path = write(
        tmp_path / "set.csv",
        "id,modality,path,label,split,pair,group,start,end,text,camera\n"
        'clip,video,clips/1.mp4,open,test,p1,cam2,1.5,4,"opens, slowly",left\n'
        "talk,audio,/data/1.wav,open,train,p1,s1,,2.25,öffnen,\n",
    )
    found = read_manifest(path)
    assert found.items == [
        Item(
            id="clip",
            modality="video",
            path=str(tmp_path / "clips/1.mp4"),
            label="open",
            split="test",
            pair="p1",
            group="cam2",
            start=1.5,
            end=4.0,
            text="opens, slowly",
            extra={"camera": "left"},
        ),
        Item(
            id="talk",
            modality="audio",
            path="/data/1.wav",
            label="open",
            split="train",
            pair="p1",
            group="s1",
            end=2.25,
            text="öffnen",
            extra={"camera": ""},
        ),
    ]
    assert found.notices == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_two_columns_are_enough(tmp_path, encoding, newline):
    lines = ["path, modality", "b.mp4,video", "", "grüße.wav , audio", ",", ""]
    found = read_manifest(write(tmp_path / "set.csv", newline.join(lines), encoding))
    assert [(item.modality, item.id) for item in found.items] == [("video", "b.mp4"), ("audio", "grüße.wav")]
    assert found.items[1].path == str(tmp_path / "grüße.wav")
    assert found.items[0].start is None


def test_parts_of_one_file_get_ids_of_their_own(tmp_path):
    path = write(
        tmp_path / "set.csv",
        "modality,path,start,end,id\n"
        "video,a.mp4,0,2.50,\nvideo,a.mp4,2.50,,\nvideo,a.mp4,,,\nvideo,a.mp4,1,2,mine\n"
        "video,b.mp4,1,2,\naudio,a.mp4,1,2,\n",
    )
    ids = [item.id for item in read_manifest(path).items]
    assert ids == ["a.mp4#0-2.50", "a.mp4#2.50-", "a.mp4", "mine", "b.mp4", "a.mp4"]


def test_videos_alone_bring_their_own_tracks(tmp_path):
    path = write(
        tmp_path / "set.csv",
        "modality,path,label,pair,group,start,end\nvideo,a.mp4,open,,,1,2\nvideo,b.mp4,open,p,,,\nvideo,c.mp4,open,,g,,\n",
    )
    found = read_manifest(path)
    videos, sounds = found.items[:3], found.items[3:]
    assert [item.modality for item in found.items] == ["video"] * 3 + ["audio"] * 3
    assert [(item.pair, item.group) for item in videos] == [("", "a.mp4"), ("p", ""), ("", "g")]
    for video, sound in zip(videos, sounds, strict=True):
        assert (video.id, video.path, video.pair, video.group, video.start, video.end, video.label) == (
            sound.id,
            sound.path,
            sound.pair,
            sound.group,
            sound.start,
            sound.end,
            sound.label,
        )
    assert "own sound tracks of the 3 videos" in found.notices[0]


def test_missing_media_are_no_error_here(tmp_path):
    found = read_manifest(write(tmp_path / "set.csv", "modality,path\nvideo,nowhere.mp4\naudio,nowhere.wav\n"))
    assert len(found.items) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs the columns modality and path. Its first line has: nothing"),
        ("modality,path\n", "a header but no rows"),
        ("modality,path\n,\n\n", "a header but no rows"),
        ("id,modality,label\nx,video,a\n", "needs the column path. Its first line has: id, modality, label"),
        ("modality;path\nvideo;a.mp4\n", "needs the columns modality and path. Its first line has: modality;path"),
        ("modality,path,label,label\nvideo,a.mp4,x,y\n", "different names; check 'label'"),
        ("modality,path,\nvideo,a.mp4,x\n", "different names; check ''"),
        ("modality,path\nvideo,a.mp4\n\nvidoe,b.mp4\n", "line 4: the modality is video or audio, not 'vidoe'"),
        ('modality,path,text\nvideo,a.mp4,"two\nlines"\n,b.mp4,x\n', "line 4: the modality is video or audio, not ''"),
        ("modality,path\nvideo,\n", "line 2: the path is empty"),
        (
            "modality,path,split\nvideo,a.mp4,training\n",
            "line 2: the split is train, val, test or empty, not 'training'",
        ),
        ("modality,path,start\nvideo,a.mp4,0:15\n", "line 2: the start is a number of seconds from 0 on, not '0:15'"),
        ("modality,path,start\nvideo,a.mp4,-1\n", "line 2: the start is a number of seconds from 0 on, not '-1'"),
        ("modality,path,end\nvideo,a.mp4,nan\n", "line 2: the end is a number of seconds from 0 on, not 'nan'"),
        (
            "modality,path,start,end\nvideo,a.mp4,5,5\n",
            "line 2: the end has to come after the start; start is 5, end is 5",
        ),
        ("modality,path,end\nvideo,a.mp4,0\n", "line 2: the end has to come after the start; start is 0, end is 0"),
        ("modality,path\nvideo,a.mp4\nvideo,b.mp4\nvideo,a.mp4\n", "line 4: the video id 'a.mp4' stands in line 2"),
        (
            "id,modality,path\nx,audio,a.wav\nx,video,a.mp4\nx,audio,b.wav\n",
            "line 4: the audio id 'x' stands in line 2",
        ),
        ("modality,path\nvideo,a.mp4,opens the box\n", "line 2: 3 values in a table of 2 columns"),
        ("modality,path\naudio,a.wav\n", "lists 1 recordings and no video"),
        ("modality,path\nvideo,a\0.mp4\n", "line 2: .*NUL"),
        ('modality,path\nvideo,"a.mp4\n', "is not CSV"),
        ('modality,path\nvideo,"a"b.mp4\n', "line 2: is not CSV"),
    ],
)
def test_mistakes_are_sentences_with_line_and_value(tmp_path, text, words):
    path = write(tmp_path / "set.csv", text)
    with pytest.raises(InputError, match=words) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_manifest(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path)
    path = write(tmp_path / "latin.csv", "modality,path\nvideo,grüße.mp4\n", "latin-1")
    with pytest.raises(InputError, match=r"is not UTF-8 \(byte 22\)"):
        read_manifest(path)
    path = write(tmp_path / "excel.csv", "modality,path\nvideo,a.mp4\n", "utf-16")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_manifest(path)


def test_what_is_written_from_items_reads_back(tmp_path):
    path = write(
        tmp_path / "set.csv",
        'modality,path,start,end,text\nvideo,a.mp4,0.1,0.30000000000000004,"a ""b"""\naudio,b.wav,,,x\n',
    )
    items = read_manifest(path).items
    copy = tmp_path / "copy.csv"
    with copy.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for item in items:
            values = [getattr(item, name) for name in COLUMNS]
            writer.writerow(["" if value is None else value for value in values])
    assert read_manifest(copy).items == items
