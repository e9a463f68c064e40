"""Real spoken digits against videos of real handwritten digits: drawn, with the split given in the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fmn.errors import InputError
from fmn.making import Stamp, claimed, make_missing
from fmn.manifest import path_from, write_manifest
from fmn.progress import Silence, Watcher

from .counts import check_numbers, train_count
from .handwriting import load_handwriting
from .paper import page_name
from .spoken_digits import WORDS, Recording, SpokenDigits, choose, digest, part_speakers, read_spoken_digits
from .writing_video import page_index, write_writing

__all__ = ["WORDS", "DigitSet", "make_digits"]

DRAWING = 1
"""Raised whenever the same arguments give other media than before."""

COLUMNS = ("id", "modality", "path", "label", "split", "group", "text", "look")
_STAMP = "digits.json"
# The dataset is in the order of its writers: cut once, hardly a writer and no image is in both parts, and neither the
# share for training nor the size of a set moves an image to the other side.
_FIRST_OF_TEST = 1198


@dataclass(frozen=True)
class DigitSet:
    """What was made. videos, utterances: counts of a part. speakers: names of a part. made: videos drawn now; reused:
    videos that were there already. others: files in the folder of speech that are no recording of a digit."""

    path: Path
    manifest: Path
    videos: dict[str, int]
    utterances: dict[str, int]
    speakers: dict[str, list[str]]
    made: int
    reused: int
    others: int


@dataclass(frozen=True)
class _Job:
    """One video to draw. number: of the image in the dataset. `place` is relative to the set's folder."""

    digit: int
    index: int
    part: str
    seed: int
    number: int
    image: np.ndarray = field(compare=False)

    @property
    def place(self) -> str:
        return f"videos/{WORDS[self.digit]}/{self.index:03d}.mp4"

    def generator(self) -> np.random.Generator:
        """Every video has its own random numbers, so that neither the order nor the size of the set changes it."""
        return np.random.default_rng([self.seed, 3, self.digit, self.index])


def make_digits(
    out: Path,
    speech: Path,
    *,
    seed: int = 0,
    videos: int = 60,
    utterances: int = 0,
    train: float = 2 / 3,
    test_speakers: Sequence[str] = ("theo", "yweweler"),
    workers: int = 2,
    watcher: Watcher | None = None,
) -> DigitSet:
    """Draw handwritten digits being written into the folder `out`, for the spoken digits in the folder `speech`.

    Writes `videos/<word>/<nnn>.mp4` (160 x 120, 25 fps, 64 frames) for the words zero to nine, and `manifest.csv` with
    the split. Of every digit the first `train` share of the videos is "train", the rest "test", of other handwritten
    images (group), other pages and other colours. Recordings are "train" or "test" by speaker (group); they stay where
    they are. A part of more videos than it has images of a digit (at least 117 and 55) shows images again, otherwise
    written. A rerun with the same arguments keeps finished videos. More than one worker are processes that are spawned:
    a script must then call this under `if __name__ == "__main__":`.

    speech: files named `{digit}_{speaker}_{take}.wav`, at any depth. seed: 0 or more; videos: a digit, 2 to 1000;
    utterances: a digit, as many of them train as `train` says, dealt evenly over the speakers; 0: all recordings.
    train: between 0 and 1, both parts get an item; test_speakers: at least one, not all; workers: 1 or more.
    InputError: an argument out of range, no such recordings, a part without a digit or with too few recordings of it,
    scikit-learn missing, or `out` holds something else.
    """
    counts = {"videos": videos} | ({"utterances": utterances} if utterances else {})
    check_numbers("digit", counts, seed, train, workers)
    out, spoken = Path(out), read_spoken_digits(Path(speech))
    speakers = part_speakers(spoken, test_speakers)
    recordings = _choose(spoken, speakers, utterances, train, seed)
    jobs = _plan(seed, videos, train)
    heard = [each for part in recordings.values() for each in part]
    stamp: Stamp = {
        "drawing": DRAWING,
        "seed": seed,
        "videos": videos,
        "utterances": utterances,
        "train": train,
        "test speakers": " ".join(speakers["test"]),
        "recordings": digest(heard),
    }
    rows = [_video_row(job) for job in jobs]
    rows += [_audio_row(out, spoken.folder, part, each) for part, found in recordings.items() for each in found]
    with claimed(out, _STAMP, stamp, "fmn-digits", {"recordings": "the recordings were others"}):
        made, _ = make_missing(out, jobs, _write, workers, watcher or Silence(), "drawing handwritten digits")
        manifest = write_manifest(out / "manifest.csv", COLUMNS, rows)
    return DigitSet(
        path=out,
        manifest=manifest,
        videos={part: sum(job.part == part for job in jobs) for part in speakers},
        utterances={part: len(found) for part, found in recordings.items()},
        speakers=speakers,
        made=made,
        reused=len(jobs) - made,
        others=spoken.others,
    )


def _choose(
    spoken: SpokenDigits, speakers: dict[str, list[str]], utterances: int, train: float, seed: int
) -> dict[str, list[Recording]]:
    chosen: dict[str, list[Recording]] = {}
    for code, (part, names) in enumerate(speakers.items()):
        theirs = [each for each in spoken.recordings if each.speaker in names]
        of_train = train_count(utterances, train)
        count = of_train if part == "train" else utterances - of_train
        for digit, word in enumerate(WORDS):
            there = [each for each in theirs if each.digit == digit]
            if len(there) < count:
                raise InputError(
                    f"The {part} part ({', '.join(names)}) has {len(there)} recordings of {word}, but {count} of "
                    f"{utterances} utterances are for {part}; ask for fewer, or for all with 0."
                )
            rng = np.random.default_rng([seed, 4, code, digit])
            chosen.setdefault(part, []).extend(choose(there, count or len(there), rng))
    return chosen


def _plan(seed: int, videos: int, train: float) -> list[_Job]:
    images, digits = load_handwriting()
    jobs = []
    for digit in range(10):
        numbers = np.flatnonzero(digits == digit)
        pools = {"train": numbers[numbers < _FIRST_OF_TEST], "test": numbers[numbers >= _FIRST_OF_TEST]}
        orders = {
            part: np.random.default_rng([seed, 5, code, digit]).permutation(pool)
            for code, (part, pool) in enumerate(pools.items())
        }
        for index in range(videos):
            part = "train" if index < train_count(videos, train) else "test"
            number = int(orders[part][index % len(orders[part])])
            jobs.append(_Job(digit, index, part, seed, number, images[number]))
    return jobs


def _write(path: Path, job: _Job) -> None:
    write_writing(path, job.image, job.part, job.seed, job.generator())


def _video_row(job: _Job) -> dict[str, str]:
    row = {"id": job.place, "modality": "video", "path": job.place, "label": WORDS[job.digit], "split": job.part}
    look = page_name(job.part, page_index(job.part, job.generator()))
    return row | {"group": f"image-{job.number:04d}", "look": look}


def _audio_row(out: Path, speech: Path, part: str, recording: Recording) -> dict[str, str]:
    word = WORDS[recording.digit]
    row = {"id": recording.place, "modality": "audio", "path": path_from(out, speech / recording.place), "label": word}
    return row | {"split": part, "group": recording.speaker, "text": word}
