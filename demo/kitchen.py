"""The demonstration set: twenty categories of kitchen action, drawn and spoken; its manifest gives the split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmn.making import claimed, make_missing
from fmn.manifest import write_manifest
from fmn.progress import Silence, Watcher
from fmn.speech.espeak import speak

from .categories import CATEGORIES, Category
from .counts import check_numbers, train_count
from .scene import scene_name
from .utterance import make_utterance, write_utterance
from .video import scene_index, write_video

__all__ = ["CATEGORIES", "Category", "KitchenSet", "make_kitchen"]

DRAWING = 2
"""Raised whenever the same arguments give other media than before."""

COLUMNS = ("id", "modality", "path", "label", "split", "group", "text", "voice", "action", "subject", "receptacle")
_STAMP = "kitchen.json"


@dataclass(frozen=True)
class KitchenSet:
    """What was made. made: files written now; reused: files that were there already."""

    path: Path
    manifest: Path
    videos: int
    utterances: int
    made: int
    reused: int


@dataclass(frozen=True)
class _Job:
    """One item to make. `place` is relative to the set's folder."""

    modality: str
    category: int
    index: int
    part: str
    seed: int

    @property
    def place(self) -> str:
        folder, end = ("videos", "mp4") if self.modality == "video" else ("audio", "wav")
        return f"{folder}/{CATEGORIES[self.category].label}/{self.index:03d}.{end}"

    def generator(self) -> np.random.Generator:
        """Every item has its own random numbers, so that neither the order nor the size of the set changes it."""
        return np.random.default_rng([self.seed, 1 if self.modality == "video" else 2, self.category, self.index])


def make_kitchen(
    out: Path,
    seed: int = 0,
    videos: int = 30,
    utterances: int = 40,
    train: float = 0.7,
    workers: int = 2,
    watcher: Watcher | None = None,
) -> KitchenSet:
    """Draw and speak the set into the folder `out`.

    Writes `videos/<category>/<nnn>.mp4` (160 x 120, 25 fps, 64 frames) and `audio/<category>/<nnn>.wav` (16 kHz mono)
    for each of the 20 categories, and `manifest.csv` with the split: the first `train` share of every category is
    "train", the rest "test", whose scenes, colours, voices and sentences never occur in "train". A rerun with the same
    arguments keeps finished files. More than one worker are processes that are spawned: a script must then call this
    under `if __name__ == "__main__":`.

    seed: 0 or more; videos, utterances: items a category, at least 2; train: between 0 and 1, both parts get an item;
    workers: processes that draw and speak; watcher: is told about the progress.
    InputError: an argument out of range, espeakng-loader missing, or `out` holds something else or is being filled.
    """
    check_numbers("category", {"videos": videos, "utterances": utterances}, seed, train, workers)
    speak("ready", "en-us")  # says at once, not in a worker, that the speech package is missing
    out = Path(out)
    stamp = {"drawing": DRAWING, "seed": seed, "videos": videos, "utterances": utterances, "train": train}
    jobs = [
        _Job(modality, category, index, "train" if index < train_count(count, train) else "test", seed)
        for modality, count in (("video", videos), ("audio", utterances))
        for category in range(len(CATEGORIES))
        for index in range(count)
    ]
    with claimed(out, _STAMP, stamp, "fmn-demo"):
        stage = "drawing and speaking the kitchen"
        made, _ = make_missing(out, jobs, _write, workers, watcher or Silence(), stage)
        manifest = write_manifest(out / "manifest.csv", COLUMNS, map(_row, jobs))
    return KitchenSet(out, manifest, videos * len(CATEGORIES), utterances * len(CATEGORIES), made, len(jobs) - made)


def _write(path: Path, job: _Job) -> None:
    rng = job.generator()
    if job.modality == "video":
        write_video(path, CATEGORIES[job.category], job.part, job.seed, rng)
    else:
        write_utterance(path, make_utterance(CATEGORIES[job.category], job.part, rng), rng)


def _row(job: _Job) -> dict[str, str]:
    category = CATEGORIES[job.category]
    row = {"id": job.place, "modality": job.modality, "path": job.place, "label": category.label, "split": job.part}
    row |= {"action": category.action, "subject": category.subject, "receptacle": category.receptacle}
    if job.modality == "video":
        return row | {"group": scene_name(job.part, scene_index(job.part, job.generator()))}
    utterance = make_utterance(category, job.part, job.generator())
    return row | {"group": utterance.voice, "voice": utterance.voice, "text": utterance.text}
