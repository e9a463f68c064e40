"""A folder made from settings: claimed by a stamp, filled by several processes, and what is finished is kept."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from fmn.errors import BadItem, InputError
from fmn.files import alone, occupied, replacing, sweep, write_durably
from fmn.progress import Watcher
from fmn.workers import processes

Stamp = Mapping[str, str | int | float]
"""What a folder is made from: the same stamp, the same files."""

_CHUNK = 10  # files a task: long enough to hide the cost of a task, short enough for a smooth progress bar


class Placed(Protocol):
    """A file to make; `place` is its path relative to the folder."""

    @property
    def place(self) -> str: ...


Job = TypeVar("Job", bound=Placed)


@contextmanager
def claimed(
    out: Path, name: str, stamp: Stamp, command: str, digests: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Make the folder ours by a file `name` with the stamp, and hold it alone.

    command: who makes it, for sentences. digests: values of the stamp that tell nothing to a reader -> what to say when
    nothing else differs.

    Raises:
        InputError: `out` is a file, was made with another stamp, holds anything else, or another process is at it.
    """
    lock = f".{Path(name).stem}.lock"
    _check(out, name, lock, stamp, command, digests)
    out.mkdir(parents=True, exist_ok=True)
    taken = f"Another {command} is writing into {out}. Wait until it ends, or name another folder."
    with alone(out, lock, taken):
        _check(out, name, lock, stamp, command, digests)  # another one may just have finished
        write_durably(out, name, json.dumps(stamp, indent=1).encode())
        yield


def _check(out: Path, name: str, lock: str, stamp: Stamp, command: str, digests: Mapping[str, str]) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{command} needs a folder, but {out} is a file; give another path.")
    if (out / name).is_file():
        different = _difference(out / name, stamp, digests)
        if different:
            raise InputError(
                f"{out} holds what {command} made with another plan ({different}). Name another folder, or delete that."
            )
    elif occupied(out, lock):
        raise InputError(
            f"The folder {out} is not empty and has no {name} of an earlier {command}; name a new or an empty one."
        )


def _difference(file: Path, stamp: Stamp, digests: Mapping[str, str]) -> str:
    """What another stamp has otherwise, in words; "" for the same stamp."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found == stamp:
        return ""
    if not isinstance(found, dict):
        return f"its {file.name} cannot be read"
    different = [name for name in stamp if found.get(name) != stamp[name]]
    plain = [name for name in different if name not in digests]
    said = [f"{name}: {found.get(name, 'nothing')} there, {stamp[name]} now" for name in plain]
    return "; ".join(said or [digests[name] for name in different]) or "it has more settings than are known here"


def make_missing(
    out: Path, jobs: Sequence[Job], write: Callable[[Path, Job], None], workers: int, watcher: Watcher, stage: str
) -> tuple[int, dict[str, str]]:
    """Make the files that are not there yet. Nobody else may be at the folder (see `claimed`).

    write: a function of a module, called with (path to write, job) in processes that are spawned, or here where one is
    enough. What it raises as BadItem is counted and told, and the rest goes on.

    Returns:
        How many files were to be made, and place -> reason of those that could not be.

    Raises:
        InputError: a worker process died.
    """
    for folder in {(out / job.place).parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    todo = [job for job in jobs if not (out / job.place).is_file()]
    chunks = [todo[start : start + _CHUNK] for start in range(0, len(todo), _CHUNK)]
    failed: dict[str, str] = {}
    watcher.stage(stage, len(todo))
    if min(workers, len(chunks)) <= 1:
        for chunk in chunks:
            bad = _make(out, chunk, write)
            failed |= bad
            watcher.step(len(chunk), len(bad))
        return len(todo), failed
    with processes(min(workers, len(chunks))) as pool:
        sizes = {pool.submit(_make, out, chunk, write): len(chunk) for chunk in chunks}
        for future in as_completed(sizes):
            failed |= future.result()
            watcher.step(sizes[future], len(future.result()))
    return len(todo), {job.place: failed[job.place] for job in todo if job.place in failed}


def _make(out: Path, jobs: Sequence[Job], write: Callable[[Path, Job], None]) -> dict[str, str]:
    failed = {}
    for job in jobs:
        try:
            with replacing(out / job.place) as temporary:
                write(temporary, job)
        except BadItem as error:
            failed[job.place] = str(error)
    return failed
