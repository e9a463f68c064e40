"""A task's items on a worker, which survives them: done by a child, and done again where the child was lost."""

import shutil
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from threading import get_ident
from typing import Any

from distributed import Worker, get_worker

from fmn.child import Child, Crash, Limits
from fmn.errors import BadItem, InputError, NotWritten
from fmn.item import Item
from fmn.workers import Task

from .fetched import any_fetched, on_files

FETCHED = "fmn-fetched"  # begins the names of folders below a worker's own one, which Dask clears away for dead workers
_CHILDREN: dict[tuple[str, Limits, int], Child] = {}
"""One a run and thread of a worker, which keeps the networks that it has loaded."""
_ENDED: set[str] = set()
"""Runs that are over, of which nothing is to be begun any more."""


def packed(task: Task) -> bytes:
    """A task as it travels between processes. The worker between hands it on as it is, and imports nothing for it."""
    return bytes(ForkingPickler.dumps(task))


def guard(task: bytes, items: Sequence[Item], *, limits: Limits, run: str) -> list[Any]:
    """What a `packed` task makes of the items, in order; a BadItem for one that cannot be done.

    An item is blamed only when it was alone: it crashed, hung or took too much memory twice, or raised what no task
    should. Its neighbours are done again without it. `run`: a name, under which `close_children` ends it.

    Raises NotWritten: a full disk is no item's fault.
    """
    child = _CHILDREN.setdefault((run, limits, get_ident()), Child(limits))
    folder = Path(get_worker().local_directory) / f"{FETCHED}-{run}-{get_ident()}" if any_fetched(items) else None
    for again in (False, True):
        if run in _ENDED:
            child.close()
            return [BadItem("the run was ended before") for _ in items]
        try:
            found = list(child.call(_do, task, items, folder))
        except NotWritten:
            raise
        except Exception as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)  # a child that was lost left it
            if len(items) > 1:
                return [result for item in items for result in guard(task, (item,), limits=limits, run=run)]
            if again or not isinstance(error, Crash):
                return [BadItem(reason(error))]
        else:
            if run in _ENDED:
                child.close()
            return found
    raise AssertionError("unreachable")


def close_children(run: str, dask_worker: Worker) -> None:
    """End the children of a run on a worker, whatever they do, and let it begin no more."""
    _ENDED.add(run)
    for key in [key for key in _CHILDREN if key[0] == run]:
        _CHILDREN.pop(key).close()
    for folder in Path(dask_worker.local_directory).glob(f"{FETCHED}-{run}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _do(task: bytes, items: Sequence[Item], folder: Path | None) -> list[Any]:
    return on_files(ForkingPickler.loads(task), items, folder)


def reason(error: Exception) -> str:
    """Why an item could not be done, in a sentence."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, Crash):
        return f"the process that read it was lost, twice: {error}"
    return f"unexpected {type(error).__name__}: {error}"
