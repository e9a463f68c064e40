"""A folder of spoken digits, as the Free Spoken Digit Dataset names them -> recordings of two parts.

Source: https://github.com/Jakobovits/free-spoken-digit-dataset (`7_theo_12.wav`: digit, speaker, take; 8 kHz mono).
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from fmn.errors import InputError

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The labels, by digit."""

_NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[\w-]+)_(?P<take>[0-9]+)\.wav", re.IGNORECASE)
_PARTS = ("train", "test")


@dataclass(frozen=True, order=True)
class Recording:
    """digit: 0 to 9. place: the file, relative to the folder, with "/"."""

    digit: int
    speaker: str
    take: int
    place: str


@dataclass(frozen=True)
class SpokenDigits:
    """recordings: sorted by digit, speaker and take. others: files of other names."""

    folder: Path
    recordings: list[Recording]
    others: int

    @property
    def speakers(self) -> list[str]:
        """Everybody who is heard, sorted."""
        return sorted({each.speaker for each in self.recordings})


def read_spoken_digits(folder: Path) -> SpokenDigits:
    """The recordings of a folder and its sub-folders; no file is opened, hidden folders are passed over.

    InputError: no such folder, no file of that naming, or fewer than two speakers.
    """
    if not folder.is_dir():
        raise InputError(
            f"The folder of spoken digits {folder} {'is a file' if folder.exists() else 'does not exist'}; "
            "give the folder with the recordings of the Free Spoken Digit Dataset."
        )
    recordings, others = [], 0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            place = (Path(root) / name).relative_to(folder).as_posix()
            match = _NAME.fullmatch(name)
            if match and place.isprintable():  # a manifest cannot hold bytes that are no text
                recordings.append(Recording(int(match["digit"]), match["speaker"], int(match["take"]), place))
            else:
                others += 1
    found = SpokenDigits(folder, sorted(recordings), others)
    if not recordings:
        raise InputError(
            f"{folder} holds no recording named like 7_theo_12.wav (digit, speaker, take), but {others} other files; "
            "give the folder with the recordings of the Free Spoken Digit Dataset."
        )
    if len(found.speakers) < 2:
        raise InputError(
            f"All {len(recordings)} recordings in {folder} are of one speaker, {found.speakers[0]}; training and test "
            "need different speakers, so give recordings of two or more."
        )
    return found


def part_speakers(spoken: SpokenDigits, test_speakers: Sequence[str]) -> dict[str, list[str]]:
    """The speakers of "train" and "test": nobody is in both, and each part has every digit.

    InputError: a test speaker who is not there, nobody left for a part, or a part that lacks a digit.
    """
    known = ", ".join(spoken.speakers)
    for name in test_speakers:
        if name not in spoken.speakers:
            raise InputError(
                f"The test speaker {name!r} has no recording in {spoken.folder}; the speakers there are {known}."
            )
    parts = {
        "train": [name for name in spoken.speakers if name not in test_speakers],
        "test": sorted(set(test_speakers)),
    }
    for part in _PARTS:
        if not parts[part]:
            raise InputError(
                f"Nobody is left for the {part} part: the speakers are {known}, for test are "
                f"{', '.join(parts['test']) or 'none'}. Name some of the speakers, not all, as test speakers."
            )
        lacking = set(range(10)) - {each.digit for each in spoken.recordings if each.speaker in parts[part]}
        if lacking:
            digit = min(lacking)
            raise InputError(
                f"The {part} part ({', '.join(parts[part])}) has no recording of the digit {digit} ({WORDS[digit]}); "
                "add one to the folder, or name other test speakers."
            )
    return parts


def choose(recordings: Iterable[Recording], count: int, rng: np.random.Generator) -> list[Recording]:
    """`count` of the recordings, dealt evenly over their speakers; more than there are gives all. Sorted.

    The choice of a smaller count is part of the choice of a larger one.
    """
    of_speaker: dict[str, list[Recording]] = {}
    for each in recordings:
        of_speaker.setdefault(each.speaker, []).append(each)
    rounds: list[tuple[int, str, Recording]] = []
    for speaker, theirs in sorted(of_speaker.items()):
        order = rng.permutation(len(theirs))
        rounds += [(k, speaker, theirs[at]) for k, at in enumerate(order)]
    return sorted(each for _, _, each in sorted(rounds)[:count])


def digest(recordings: Iterable[Recording]) -> str:
    """Ten digits that stand for the recordings' names."""
    return sha256("\n".join(each.place for each in recordings).encode()).hexdigest()[:10]
