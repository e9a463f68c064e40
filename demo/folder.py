"""A drawn set's folder: claimed by a stamp, filled by several processes, and what is finished is kept."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, TypeVar

from fmn.errors import InputError

_CHUNK = 10  # items a task: long enough to hide the cost of a task, short enough for a smooth progress bar

Progress = Callable[[int, int], None]
"""Called with (finished items, all items)."""

Stamp = dict[str, str | int | float]
"""What a set is made from: the same stamp, the same set."""


class Placed(Protocol):
    """An item to make; `place` is its file, relative to the set's folder."""

    @property
    def place(self) -> str: ...


Job = TypeVar("Job", bound=Placed)


def check_numbers(each: str, counts: Mapping[str, int], seed: int, train: float, workers: int) -> None:
    """Raise InputError unless the set has the numbers it can be made with.

    each: the word for what the counts are of, "category"; counts: items of each by modality, 2 to 1000; seed: 0 or more;
    train: between 0 and 1, both parts get an item; workers: 1 or more.
    """
    if seed < 0:
        raise InputError(f"The seed must be 0 or more, but it is {seed}; give a whole number from 0.")
    if workers < 1:
        raise InputError(f"At least one worker draws the set, but workers is {workers}; give 1 or more.")
    for name, count in counts.items():
        if not 2 <= count <= 1000:
            raise InputError(
                f"The number of {name} a {each} lies between 2 and 1000, but it is {count}; choose one of those."
            )
        if not 0 < train < 1 or not 1 <= train_count(count, train) < count:
            raise InputError(
                f"A train share of {train} of {count} {name} leaves one part empty; "
                "give a share nearer to 0.5 or more items."
            )


def train_count(count: int, train: float) -> int:
    """How many of `count` items are in the train part."""
    return round(count * train)


def claim(out: Path, name: str, stamp: Stamp) -> None:
    """Make the folder ours by a file `name` with the stamp, or see that it holds the same set.

    InputError: `out` is a file, holds another set, or holds anything else.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"The demonstration set needs a folder, but {out} is a file; give another path.")
    file = out / name
    if file.is_file():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
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
        temporary = file.with_name(f".{name}.tmp")
        temporary.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
        os.replace(temporary, file)


def make_missing(
    out: Path, jobs: Sequence[Job], write: Callable[[Path, Job], None], progress: Progress | None, workers: int
) -> int:
    """Make the files that are not there yet; returns how many those were.

    write: a function of a module, called with (path to write, job) in processes that are spawned; with one worker it is
    called here. InputError: a worker process died.
    """
    for folder in {(out / job.place).parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    todo = [job for job in jobs if not (out / job.place).is_file()]
    finished = len(jobs) - len(todo)
    if progress:
        progress(finished, len(jobs))
    for count in _made(out, todo, write, workers):
        finished += count
        if progress:
            progress(finished, len(jobs))
    return len(todo)


def _made(out: Path, todo: Sequence[Job], write: Callable[[Path, Job], None], workers: int) -> Iterable[int]:
    """The number of items of each chunk, as it is finished."""
    chunks = [todo[start : start + _CHUNK] for start in range(0, len(todo), _CHUNK)]
    if workers == 1 or not chunks:
        for chunk in chunks:
            yield _make(out, chunk, write)
        return
    # Spawned, not forked: the caller may run threads (torch, a progress bar) that a fork would leave half alive.
    with ProcessPoolExecutor(min(workers, len(chunks)), mp_context=get_context("spawn")) as pool:
        try:
            for future in as_completed([pool.submit(_make, out, chunk, write) for chunk in chunks]):
                yield future.result()
        except BrokenProcessPool:
            raise InputError(
                "A worker process died (killed, or out of memory). Run the same again, with fewer workers if it "
                "happens again: what is finished is kept."
            ) from None


def _make(out: Path, jobs: Sequence[Job], write: Callable[[Path, Job], None]) -> int:
    for job in jobs:
        target = out / job.place
        temporary = target.with_name(f".{target.name}.tmp")
        write(temporary, job)
        os.replace(temporary, target)
    return len(jobs)


def write_manifest(out: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Path:
    """Write `manifest.csv`, whole or not at all; returns its path. A column that a row lacks is empty there."""
    manifest = out / "manifest.csv"
    temporary = manifest.with_name(f".{manifest.name}.tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, manifest)
    return manifest
