"""The split of MPII Cooking 2 by subject: the published one, the release's own lists, or somebody's table."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from fmn.errors import InputError
from fmn.item import SPLITS
from fmn.media import names

from .mpii_cooking2 import Interval

# The release's lists hold 201, 17 and 42 sequences; with these facts the 273 sequences fall apart in the same way. A
# validation or test subject's sequences of other dishes (13) are in no list.
VAL_SUBJECTS = frozenset({21})
TEST_SUBJECTS = frozenset({22, 28, 29, 33, 34})
TEST_DISHES = frozenset(
    {
        *(21, 23, 25, 26, 27, 28, 29, 31, 34, 35, 39, 40, 41, 42, 43, 45),
        *(46, 48, 49, 50, 51, 52, 53, 54, 55, 63, 69, 70, 71, 73, 74),
    }
)
LISTS = {"train": "sequencesTrainAttr.txt", "val": "sequencesVal.txt", "test": "sequencesTest.txt"}


def published_split(intervals: Sequence[Interval]) -> dict[str, str]:
    """Sequence (`s07-d72`) -> split as published: validation subject 21, test subjects 22, 28, 29, 33 and 34, both only
    with the 31 dishes of the test set; all other subjects train. Sequences of no list are not in the answer."""
    splits = {}
    for each in intervals:
        held_out = each.subject in VAL_SUBJECTS | TEST_SUBJECTS
        if not held_out:
            splits[each.sequence] = "train"
        elif each.dish in TEST_DISHES:
            splits[each.sequence] = "val" if each.subject in VAL_SUBJECTS else "test"
    return splits


def read_split(path: Path, intervals: Sequence[Interval]) -> dict[str, str]:
    """Sequence -> split, from the release's folder `experimentalSetup` or from a CSV with the columns subject,split.

    The folder's lists (`sequencesTrainAttr.txt`, `sequencesVal.txt`, `sequencesTest.txt`) hold a sequence a line. In a
    CSV a subject is 7, 07 or s07; every subject of the annotations needs its line.

    Raises:
        InputError: missing or unreadable; an unknown split; a subject or sequence twice; a subject without a line; a
            subject with sequences on two sides.
    """
    splits = _from_lists(path) if path.is_dir() else _from_table(path, intervals)
    sides: dict[int, str] = {}
    for each in intervals:
        side = splits.get(each.sequence)
        if side is not None and sides.setdefault(each.subject, side) != side:
            raise InputError(
                f"{path} puts sequences of subject {each.subject} into {sides[each.subject]} and {side}. A person "
                "never crosses the split: correct the lists."
            )
    if not sides:
        raise InputError(f"{path} names no sequence of the annotations: {names(sorted(splits), 3)}.")
    return splits


def _from_lists(folder: Path) -> dict[str, str]:
    splits: dict[str, str] = {}
    for split, name in LISTS.items():
        for line in _lines(folder / name):
            sequence = line.split()[0]
            if splits.setdefault(sequence, split) != split:
                raise InputError(f"{folder}: {sequence} is in {splits[sequence]} and in {split}.")
    return splits


def _from_table(path: Path, intervals: Sequence[Interval]) -> dict[str, str]:
    lines = _lines(path)
    try:
        rows = list(csv.reader(lines))
    except csv.Error as error:
        raise InputError(f"The split's file {path} is not CSV ({error}).") from None
    if not rows or [name.strip().lower() for name in rows[0]] != ["subject", "split"]:
        raise InputError(f"{path} needs the first line subject,split; it has {lines[0] if lines else ''!r}.")
    sides: dict[int, str] = {}
    for number, row in enumerate(rows[1:], 2):
        subject, split = (row[0].strip(), row[1].strip()) if len(row) == 2 else ("", "")
        if not re.fullmatch(r"s?[0-9]{1,4}", subject, re.ASCII) or split not in SPLITS:
            raise InputError(f"{path}, line {number}: needs a subject such as 7 and one of {', '.join(SPLITS)}.")
        person = int(subject.removeprefix("s"))
        if sides.setdefault(person, split) != split:
            raise InputError(f"{path}, line {number}: subject {person} is in {sides[person]} already.")
    missing = sorted({each.subject for each in intervals} - sides.keys())
    if missing:
        raise InputError(f"{path} has no line for subject {names([str(each) for each in missing])} of the annotations.")
    return {each.sequence: sides[each.subject] for each in intervals}


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The split's file {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The split's file {path} is not UTF-8 (byte {error.start}).") from None
    return [line for line in text.splitlines() if line.strip()]
