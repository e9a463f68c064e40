"""The published split, the release's lists and somebody's table."""

import pytest

from fmn.datasets.mpii_cooking2 import SUFFIX, import_intervals, read_intervals
from fmn.datasets.subject_split import TEST_DISHES, published_split, read_split
from fmn.datasets.video_folder import VideoFolder
from fmn.errors import InputError

SEQUENCES = ("s07-d72", "s13-d21", "s21-d21", "s21-d60", "s22-d23", "s22-d32", "s28-d74", "s34-d21", "s37-d74")


@pytest.fixture
def found(annotation, interval):
    return read_intervals(annotation([interval(f"{each}-cam-002") for each in SEQUENCES]))[0]


def lists(folder, train="s07-d72\ns13-d21\n", val="s21-d21\n", test="s22-d23\ns28-d74\n"):
    folder.mkdir()
    for name, text in (("TrainAttr", train), ("Val", val), ("Test", test)):
        (folder / f"sequences{name}.txt").write_text(text)
    return folder


def test_the_published_split_is_by_subject_and_leaves_other_dishes_of_held_out_subjects_out(found):
    assert len(TEST_DISHES) == 31
    assert published_split(found) == {
        "s07-d72": "train",
        "s13-d21": "train",
        "s21-d21": "val",
        "s22-d23": "test",
        "s28-d74": "test",
        "s34-d21": "test",
        "s37-d74": "train",
    }


def test_sequences_of_no_list_are_left_out_and_told(found, tmp_path, touched):
    folder = touched(tmp_path / "videos", *(f"{each}-cam-002.avi" for each in SEQUENCES))
    imported = import_intervals(found, tmp_path, VideoFolder(folder, SUFFIX), published_split(found))
    assert [(row.group, row.split) for row in imported.items] == [
        ("s07", "train"),
        ("s13", "train"),
        ("s21", "val"),
        ("s22", "test"),
        ("s28", "test"),
        ("s34", "test"),
        ("s37", "train"),
    ]
    assert "2 intervals of 2 sequences are in no part of the split and left out: s21-d60, s22-d32." in imported.notices


def test_the_releases_lists_are_read(found, tmp_path):
    assert read_split(lists(tmp_path / "setup"), found) == {
        "s07-d72": "train",
        "s13-d21": "train",
        "s21-d21": "val",
        "s22-d23": "test",
        "s28-d74": "test",
    }


@pytest.mark.parametrize(
    "change, said",
    [
        ({"test": "s22-d23\ns21-d60\n"}, "sequences of subject 21 into val and test"),
        ({"test": "s07-d72\n"}, "s07-d72 is in train and in test"),
        ({"train": "a\n", "val": "b\n", "test": "c\n"}, "names no sequence of the annotations: a, b, c"),
    ],
)
def test_lists_that_contradict_themselves_are_refused(found, tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        read_split(lists(tmp_path / "setup", **change), found)


def test_a_list_that_is_missing_is_named(found, tmp_path):
    folder = lists(tmp_path / "setup")
    (folder / "sequencesVal.txt").unlink()
    with pytest.raises(InputError, match=r"sequencesVal\.txt cannot be read"):
        read_split(folder, found)


def test_a_table_of_subjects_is_read(found, tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(
        "subject,split\n7,train\n07,train\ns13,train\n21,val\n22,test\n28,test\n34,test\ns37,test\n\n99,val\n"
    )
    splits = read_split(path, found)
    assert len(splits) == len(SEQUENCES)
    assert (splits["s07-d72"], splits["s21-d60"], splits["s37-d74"]) == ("train", "val", "test")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "needs the first line subject,split; it has ''"),
        ("person,split\n7,train\n", "needs the first line subject,split"),
        ("subject,split\n7,dev\n", "line 2: needs a subject such as 7 and one of train, val, test"),
        ("subject,split\nseven,train\n", "line 2: needs a subject"),
        ("subject,split\n7\n", "line 2: needs a subject"),
        ("subject,split\n7,train\n7,test\n", "line 3: subject 7 is in train already"),
        ("subject,split\n7,train\n", "no line for subject 13, 21, 22, 28, 34, 37"),
    ],
)
def test_a_wrong_table_is_refused(found, tmp_path, text, said):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_split(path, found)


def test_a_table_that_is_not_there_or_no_text_is_refused(found, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_split(tmp_path / "none.csv", found)
    (tmp_path / "latin.csv").write_bytes(b"subject,split\n7,\xe9\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_split(tmp_path / "latin.csv", found)
