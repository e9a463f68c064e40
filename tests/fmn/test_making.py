"""A folder made from settings: whose it is, and what a rerun makes."""

from types import SimpleNamespace
from unittest.mock import Mock, call

import pytest

from fmn.errors import BadItem, InputError
from fmn.files import TEMPORARY
from fmn.making import claimed, make_missing
from fmn.progress import Silence

STAMP = {"seed": 0, "train": 0.7, "words": "abc"}
WORDS = {"words": "the words were others"}


def claim(out, **changed):
    with claimed(out, "set.json", STAMP | changed, "fmn-set", WORDS):
        return (out / "set.json").read_bytes()


def test_a_folder_is_ours_and_stays_ours(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{TEMPORARY}set.json").touch()  # by a run that was killed
    assert claim(tmp_path / "out") == b'{\n "seed": 0,\n "train": 0.7,\n "words": "abc"\n}'
    assert claim(tmp_path / "out") == claim(tmp_path / "deep" / "out")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, r"made with another plan \(seed: 0 there, 1 now\)"),
        ({"seed": 1, "words": "abd"}, r"\(seed: 0 there, 1 now\)"),
        ({"seed": 1, "new": "x"}, r"\(seed: 0 there, 1 now; new: nothing there, x now\)"),
        ({"words": "abd"}, r"\(the words were others\)"),
    ],
)
def test_another_plan_is_told_by_what_differs(tmp_path, changed, said):
    claim(tmp_path / "out")
    with pytest.raises(InputError, match=said):
        claim(tmp_path / "out", **changed)


def test_what_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=r"is not empty and has no set\.json of an earlier fmn-set"):
        claim(tmp_path)
    with pytest.raises(InputError, match=r"fmn-set needs a folder, but .* is a file"):
        claim(tmp_path / "notes.txt")
    for text in ("[", "[]"):
        (tmp_path / "set.json").write_text(text)
        with pytest.raises(InputError, match=r"its set\.json cannot be read"):
            claim(tmp_path)
    (tmp_path / "set.json").write_text('{"seed": 0, "train": 0.7, "words": "abc", "old": 1}')
    with pytest.raises(InputError, match="more settings than are known here"):
        claim(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "set.json"]


def test_one_at_a_time(tmp_path):
    with (
        claimed(tmp_path, "set.json", STAMP, "fmn-set"),
        pytest.raises(InputError, match=f"Another fmn-set is writing into {tmp_path}"),
        claimed(tmp_path, "set.json", STAMP, "fmn-set"),
    ):
        pass


def write(path, job):
    if job.place == "b/11.txt":
        raise BadItem("it has no sound")
    path.write_text(job.place)


def test_only_what_is_missing_is_made_and_bad_items_are_told(tmp_path):
    jobs = [SimpleNamespace(place=f"{folder}/{n}.txt") for folder in "ab" for n in range(12)]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "3.txt").write_text("kept")
    (tmp_path / "a" / f"{TEMPORARY}9-4.txt").touch()
    told = Mock(spec=Silence)
    count, failed = make_missing(tmp_path, jobs, write, 1, told, "writing")
    assert (count, failed) == (23, {"b/11.txt": "it has no sound"})
    assert told.method_calls == [call.stage("writing", 23), call.step(10, 0), call.step(10, 0), call.step(3, 1)]
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {job.place for job in jobs} - {"b/11.txt"}
    assert (tmp_path / "a" / "3.txt").read_text() == "kept"
    again = Mock(spec=Silence)
    assert make_missing(tmp_path, jobs[:23], write, 4, again, "writing") == (0, {})
    assert again.method_calls == [call.stage("writing", 0)]


def test_an_error_that_is_no_bad_item_ends_it(tmp_path):
    def broken(path, job):
        path.write_text("half")
        raise InputError("The disk is full.")

    with pytest.raises(InputError, match="disk is full"):
        make_missing(tmp_path, [SimpleNamespace(place="a/1.txt")], broken, 1, Silence(), "writing")
    assert not list((tmp_path / "a").iterdir())
