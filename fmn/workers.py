"""Work in several processes, which hear no Ctrl-C, use one thread each and end with the one that started them."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from signal import SIG_IGN, SIGINT, signal
from typing import Any

from fmn.errors import InputError
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


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` processes. Left by an exception, Ctrl-C among them, it ends them at once.

    Spawned, not forked: the caller may run threads (torch, a progress bar) that a fork would leave half alive. What is
    submitted is therefore a function of a module.

    Raises:
        InputError: a process died.
    """
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    with _environment(ENVIRONMENT):
        pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(theirs,))
        pool.submit(int)  # starts all of them, while the environment is theirs
    try:
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        raise InputError(
            "A worker process died (killed, or out of memory). Run the same command again, with fewer --workers if it "
            "happens again: what is finished is kept."
        ) from None
    finally:
        ours.close()  # the processes see it and end
        pool.shutdown(cancel_futures=True)
        theirs.close()


def _begin(parent: Connection) -> None:
    signal(SIGINT, SIG_IGN)  # Ctrl-C reaches every process: the parent alone says so
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """The parent's end of the pipe closes when it wants no more, and when it is killed."""
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
