"""The demonstration set: twenty kinds of kitchen action, drawn and spoken, with the split given in its manifest."""

import csv
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from fmn.demo.kinds import KINDS, Kind
from fmn.demo.scene import scene_name
from fmn.demo.utterance import make_utterance, write_utterance
from fmn.demo.video import scene_index, write_video
from fmn.errors import InputError
from fmn.speech.espeak import speak

__all__ = ["KINDS", "Kind", "KitchenSet", "make_kitchen"]

DRAWING = 2
"""Raised whenever the same arguments give other media than before."""

COLUMNS = ("id", "modality", "path", "label", "split", "group", "text", "voice", "action", "subject", "receptacle")
_STAMP = "kitchen.json"
_CHUNK = 10  # items a task: long enough to hide the cost of a task, short enough for a smooth progress bar

Progress = Callable[[int, int], None]
"""Called with (finished items, all items)."""


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
    kind: int
    index: int
    part: str
    seed: int

    @property
    def place(self) -> str:
        folder, end = ("videos", "mp4") if self.modality == "video" else ("audio", "wav")
        return f"{folder}/{KINDS[self.kind].label}/{self.index:03d}.{end}"

    def generator(self) -> np.random.Generator:
        """Every item has its own random numbers, so that neither the order nor the size of the set changes it."""
        return np.random.default_rng([self.seed, 1 if self.modality == "video" else 2, self.kind, self.index])


def make_kitchen(
    out: Path,
    seed: int = 0,
    videos: int = 30,
    utterances: int = 40,
    train: float = 0.7,
    progress: Progress | None = None,
    workers: int = 2,
) -> KitchenSet:
    """Draw and speak the set into the folder `out`.

    Writes `videos/<kind>/<nnn>.mp4` (160 x 120, 25 fps, 64 frames) and `audio/<kind>/<nnn>.wav` (16 kHz mono) for each
    of the 20 kinds, and `manifest.csv` with the split: the first `train` share of every kind is "train", the rest
    "test", whose scenes, colours, voices and sentences never occur in "train". A rerun with the same arguments keeps
    finished files. Processes are spawned: a script must call this under `if __name__ == "__main__":`.

    seed: 0 or more; videos, utterances: items a kind, at least 2; train: between 0 and 1, both parts get an item;
    workers: processes that draw and speak.
    InputError: an argument out of range, espeakng-loader missing, or `out` holds something else.
    """
    _check(seed, videos, utterances, train, workers)
    speak("ready", "en-us")  # says at once, not in a worker, that the speech package is missing
    out = Path(out)
    _claim(out, {"drawing": DRAWING, "seed": seed, "videos": videos, "utterances": utterances, "train": train})
    jobs = [
        _Job(modality, kind, index, "train" if index < _train_count(count, train) else "test", seed)
        for modality, count in (("video", videos), ("audio", utterances))
        for kind in range(len(KINDS))
        for index in range(count)
    ]
    for folder in {(out / job.place).parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    todo = [job for job in jobs if not (out / job.place).is_file()]
    _make_all(out, todo, len(jobs), progress, workers)
    manifest = _write_manifest(out, jobs)
    return KitchenSet(out, manifest, videos * len(KINDS), utterances * len(KINDS), len(todo), len(jobs) - len(todo))


def _check(seed: int, videos: int, utterances: int, train: float, workers: int) -> None:
    if seed < 0:
        raise InputError(f"The seed must be 0 or more, but it is {seed}; give a whole number from 0.")
    if workers < 1:
        raise InputError(f"At least one worker draws the set, but workers is {workers}; give 1 or more.")
    for name, count in (("videos", videos), ("utterances", utterances)):
        if not 2 <= count <= 1000:
            raise InputError(
                f"The number of {name} a kind lies between 2 and 1000, but it is {count}; choose one of those."
            )
        if not 0 < train < 1 or not 1 <= _train_count(count, train) < count:
            raise InputError(
                f"A train share of {train} of {count} {name} leaves one part empty; "
                "give a share nearer to 0.5 or more items."
            )


def _train_count(count: int, train: float) -> int:
    return round(count * train)


def _claim(out: Path, stamp: dict[str, int | float]) -> None:
    """Make the folder ours, or see that it is the same set."""
    if out.exists() and not out.is_dir():
        raise InputError(f"The demonstration set needs a folder, but {out} is a file; give another path.")
    file = out / _STAMP
    if file.is_file():
        try:
            found = json.loads(file.read_text())
        except (OSError, ValueError):
            found = None
        if found != stamp:
            raise InputError(
                f"{out} holds a demonstration set made with {found}, not with {stamp}; "
                "give another folder or delete that one."
            )
    elif out.is_dir() and any(out.iterdir()):
        raise InputError(
            f"The folder {out} is not empty and holds no demonstration set; give a new or an empty folder."
        )
    else:
        out.mkdir(parents=True, exist_ok=True)
        _replace(file, json.dumps(stamp, indent=1).encode())


def _make_all(out: Path, todo: Sequence[_Job], total: int, progress: Progress | None, workers: int) -> None:
    finished = total - len(todo)
    if progress:
        progress(finished, total)
    if not todo:
        return
    chunks = [todo[start : start + _CHUNK] for start in range(0, len(todo), _CHUNK)]
    # Spawned, not forked: the caller may run threads (torch, a progress bar) that a fork would leave half alive.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_make, out, chunk) for chunk in chunks]):
            finished += future.result()
            if progress:
                progress(finished, total)


def _make(out: Path, jobs: Sequence[_Job]) -> int:
    for job in jobs:
        target = out / job.place
        temporary = target.with_name(f".{target.name}.tmp")
        rng = job.generator()
        if job.modality == "video":
            write_video(temporary, KINDS[job.kind], job.part, job.seed, rng)
        else:
            write_utterance(temporary, make_utterance(KINDS[job.kind], job.part, rng), rng)
        os.replace(temporary, target)
    return len(jobs)


def _write_manifest(out: Path, jobs: Sequence[_Job]) -> Path:
    manifest = out / "manifest.csv"
    temporary = manifest.with_name(f".{manifest.name}.tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for job in jobs:
            kind = KINDS[job.kind]
            row = {"id": job.place, "modality": job.modality, "path": job.place, "label": kind.label, "split": job.part}
            row |= {"action": kind.action, "subject": kind.subject, "receptacle": kind.receptacle}
            if job.modality == "video":
                row["group"] = scene_name(job.part, scene_index(job.part, job.generator()))
            else:
                utterance = make_utterance(kind, job.part, job.generator())
                row |= {"group": utterance.voice, "voice": utterance.voice, "text": utterance.text}
            writer.writerow(row)
    os.replace(temporary, manifest)
    return manifest


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, file)
