"""Work in several processes, which hear no Ctrl-C, use one thread each and end with the one that started them."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import Pipe, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask
from typing import Any

from fmn.errors import InputError, WorkerDied
from fmn.item import Item

Task = Callable[[Sequence[Item]], list[Any]]
"""One result or one BadItem an item, in order."""

ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "OMP_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
"""Of workers. One thread each: the machine's cores are for the processes. They keep freed memory: a network frees and
takes the same megabytes at each layer, and the system would clear them anew each time, which is a quarter of the
processor's time, and more with several workers."""

MOST, MOST_A_CORE = 16, 8  # processes: more would only take memory, some 0.3 GB each


def cores() -> int:
    """Cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def check_workers(count: int, least: int = 1) -> None:
    """Raise InputError unless so many processes can be started here."""
    most = max(MOST, MOST_A_CORE * cores())
    if not least <= count <= most:
        raise InputError(f"Here, with {cores()} cores, --workers is from {least} to {most}, got {count}.")


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of up to `count` processes. Left by an exception, Ctrl-C among them, it ends them at once; otherwise it
    waits for what was submitted.

    Spawned, not forked: the caller may run threads (torch, a progress bar) that a fork would leave half alive. What is
    submitted is therefore a function of a module.

    Raises:
        WorkerDied: a process was lost.
    """
    theirs, ours = Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, mp_context=Spawn(), initializer=end_with, initargs=(theirs,))
    try:
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        raise WorkerDied(
            "A worker process died (killed, or out of memory). Run the same command again, with fewer --workers if it "
            "happens again: what is finished is kept."
        ) from None
    finally:
        ours.close()  # the processes see it and end
        pool.shutdown(cancel_futures=True)
        theirs.close()


@contextmanager
def deaf_children() -> Iterator[None]:
    """What starts in here does not hear Ctrl-C, which a terminal sends to all processes: this one ends the others.

    Blocked and not ignored: a Ctrl-C meanwhile comes after it, and a thread that is started in here passes the block on
    to the processes that it starts later.
    """
    resource_tracker.ensure_running()  # its start would lift the block
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


class _Process(SpawnProcess):
    """The pool starts one whenever there is more to do than there are idle ones: each finds its environment."""

    def start(self) -> None:
        with _environment(ENVIRONMENT), deaf_children():
            super().start()


class Spawn(SpawnContext):
    """Starts processes that find `ENVIRONMENT` and hear no Ctrl-C."""

    Process = _Process


def end_with(parent: Connection | int) -> None:
    """Watch, in a thread, the parent's end of a pipe, or its sentinel, and end this process when it closes: when the
    parent wants no more, and when it is killed."""
    threading.Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: Connection | int) -> None:
    wait([parent])
    os._exit(1)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
