"""The manifest CSV: rows as items, mistakes in sentences, and what is written reads back."""

import os

import pytest

from fmn.errors import InputError
from fmn.item import Item
from fmn.manifest import COLUMNS, path_from, read_rows, see_ids_once, write_manifest


def items_of(path):
    _, rows = read_rows(path)
    see_ids_once(path, rows)
    return [row.item for row in rows]


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
    columns, rows = read_rows(path)
    assert [row.item for row in rows] == [
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
    assert columns == [*COLUMNS, "camera"]
    assert [row.line for row in rows] == [2, 3]
    assert rows[1].values == dict(
        zip(
            columns,
            ["talk", "audio", "/data/1.wav", "open", "train", "p1", "s1", "", "2.25", "öffnen", ""],
            strict=True,
        )
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_two_columns_are_enough(tmp_path, encoding, newline):
    lines = ["path, modality", "b.mp4,video", "", "grüße.wav , audio", ",", ""]
    items = items_of(write(tmp_path / "set.csv", newline.join(lines), encoding))
    assert [(item.modality, item.id) for item in items] == [("video", "b.mp4"), ("audio", "grüße.wav")]
    assert items[1].path == str(tmp_path / "grüße.wav")
    assert items[0].start is None


def test_parts_of_one_file_get_ids_of_their_own(tmp_path):
    path = write(
        tmp_path / "set.csv",
        "modality,path,start,end,id\n"
        "video,a.mp4,0,2.50,\nvideo,a.mp4,2.50,,\nvideo,a.mp4,,,\nvideo,a.mp4,1,2,mine\n"
        "video,b.mp4,1,2,\naudio,a.mp4,1,2,\n",
    )
    ids = [item.id for item in items_of(path)]
    assert ids == ["a.mp4#0-2.50", "a.mp4#2.50-", "a.mp4", "mine", "b.mp4", "a.mp4"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs the columns modality and path. Its first line has: nothing"),
        ("id,modality,label\nx,video,a\n", "needs the column path. Its first line has: id, modality, label"),
        ("modality;path\nvideo;a.mp4\n", "needs the columns modality and path. Its first line has: modality;path"),
        ("modality,path,label,label\nvideo,a.mp4,x,y\n", "different names; check 'label'"),
        ("modality,path,\nvideo,a.mp4,x\n", "; column 3 of "),
        (",modality,path\n0,video,a.mp4\n", "; column 1 of "),
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
        ("modality,path\nvideo,a\0.mp4\n", "line 2: .*NUL"),
        ('modality,path\nvideo,"a.mp4\n', "is not CSV"),
        ('modality,path\nvideo,"a"b.mp4\n', "line 2: is not CSV"),
    ],
)
def test_mistakes_are_sentences_with_line_and_value(tmp_path, text, words):
    path = write(tmp_path / "set.csv", text)
    with pytest.raises(InputError, match=words) as caught:
        items_of(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_manifest(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        items_of(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="cannot be read"):
        items_of(tmp_path)
    path = write(tmp_path / "latin.csv", "modality,path\nvideo,grüße.mp4\n", "latin-1")
    with pytest.raises(InputError, match=r"is not UTF-8 \(byte 22\)"):
        items_of(path)
    path = write(tmp_path / "excel.csv", "modality,path\nvideo,a.mp4\n", "utf-16")
    with pytest.raises(InputError, match="is not UTF-8"):
        items_of(path)


def test_what_is_written_from_items_reads_back(tmp_path):
    path = write(
        tmp_path / "set.csv",
        'modality,path,start,end,text,camera\nvideo,a.mp4,0.1,0.30000000000000004,"a ""b""",left\naudio,b.wav,,,x,\n',
    )
    items = items_of(path)
    rows = ({name: getattr(item, name) for name in COLUMNS} | dict(item.extra) for item in items)
    copy = write_manifest(tmp_path / "copy.csv", [*COLUMNS, "camera"], rows)
    assert items_of(copy) == items
    assert copy.read_bytes().count(b"\r\n") == 3 and sorted(os.listdir(tmp_path)) == ["copy.csv", "set.csv"]


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path):
    write_manifest(tmp_path / "set.csv", ["path"], [{"path": os.fsdecode(b"caf\xe9.mp4")}])
    assert (tmp_path / "set.csv").read_bytes() == b"path\r\ncaf\xe9.mp4\r\n"


def test_a_path_is_named_from_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_from(tmp_path / "set", tmp_path / "set" / "a" / "1.mp4") == "a/1.mp4"
    assert path_from(tmp_path / "set", "1.mp4") == "../1.mp4"
