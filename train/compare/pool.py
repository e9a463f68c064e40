"""Units in several processes, which end with the one that started them."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from signal import SIG_IGN, SIGINT, signal

from fmn.errors import InputError

from .unit import Unit, work

Following = Callable[[Unit, InputError | None], list[Unit]]
"""Is told that a unit is over, and why it failed; returns the units that may be done now."""


def work_all(units: list[Unit], following: Following, workers: int) -> None:
    """Do `units` and what follows from them, in `workers` spawned processes; one worker is this process itself.

    On an exception, Ctrl-C among them, the processes end at once; finished units are kept.

    Raises:
        InputError: a process died.
    """
    if workers == 1:
        waiting = list(units)
        while waiting:
            unit = waiting.pop(0)
            waiting += following(unit, _outcome(partial(work, unit)))
        return
    # Spawned, not forked: the caller may run threads (torch, a progress bar) that a fork would leave half alive.
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(theirs,))
    try:
        at = {pool.submit(work, unit): unit for unit in units}
        while at:
            for future in wait(at, return_when=FIRST_COMPLETED).done:
                more = following(at.pop(future), _outcome(future.result))
                at |= {pool.submit(work, unit): unit for unit in more}
    except BrokenProcessPool:
        raise InputError(
            "A worker process died (killed, or out of memory). Run the same command again, with fewer --workers if it "
            "happens again: what is finished is kept."
        ) from None
    finally:
        ours.close()  # the processes see it and end
        pool.shutdown(cancel_futures=True)
        theirs.close()


def _outcome(call: Callable[[], None]) -> InputError | None:
    try:
        call()
    except InputError as error:
        return error
    return None


def _start(parent: Connection) -> None:
    signal(SIGINT, SIG_IGN)  # Ctrl-C reaches every process: the parent alone says so
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """The parent's end of the pipe closes when it wants no more, and when it is killed."""
    wait_for([parent])
    os._exit(1)
