"""Ctrl-C and SIGTERM: the first one lets what is short be finished, the second one stops at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from fmn.errors import WorkerDied

SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN = 0.05  # seconds after which a signal that was lost comes once more


class Stopped(KeyboardInterrupt):
    """Work was ended early because of a signal; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class Stop:
    """Whether somebody asked to stop: the signal's number, 0 for no."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> bool:
        return self.asked != 0


def never() -> bool:
    """For what can be stopped, and is not."""
    return False


@contextmanager
def stopping(say: Callable[[str], None]) -> Iterator[Stop]:
    """What says whether to stop; left, it raises `Stopped` where that was asked for.

    In a thread other than the main one no signal comes, and nothing changes.

    Raises:
        Stopped: at the end, or at once with the second signal.
    """
    stop = Stop()

    def heard(number: int, _: FrameType | None) -> None:
        if stop.asked:
            raise Stopped(number)
        stop.asked = number
        with suppress(OSError):  # nobody may be there to read it
            say("Stopping after what is being done now, which is kept. Once more to stop at once.")

    try:
        with _heard_by(heard):
            yield stop
    except WorkerDied:
        if not stop.asked:  # else by the same signal, which somebody sent to all of them
            raise
    if stop.asked:
        raise Stopped(stop.asked)


@contextmanager
def ending() -> Iterator[Stop]:
    """A whole command: the first signal raises `Stopped` wherever it is, and the second one ends the process."""
    stop = Stop()

    def heard(number: int, _: FrameType | None) -> None:
        if stop.asked:  # what is on disk is whole, and our processes end with this one
            os.write(2, b"\nStopped at once.\n")
            os._exit(128 + number)
        stop.asked = number
        raise Stopped(number)

    def lost(what: Any) -> None:
        """In a destructor nobody hears an exception: the signal comes again when that is over."""
        if not isinstance(what.exc_value, Stopped):
            before(what)
            return
        stop.asked = 0
        again = threading.Timer(AGAIN, os.kill, (os.getpid(), what.exc_value.number))
        again.daemon = True
        again.start()

    before, sys.unraisablehook = sys.unraisablehook, lost
    try:
        with _heard_by(heard):
            yield stop
    finally:
        sys.unraisablehook = before


@contextmanager
def later() -> Iterator[None]:
    """A block that is not left half done: a first signal is heard after it. The second one raises `Stopped` there."""
    waiting: list[int] = []

    def heard(number: int, _: FrameType | None) -> None:
        if waiting:
            raise Stopped(number)
        waiting.append(number)

    try:
        with _heard_by(heard):
            yield
    finally:
        for number in waiting:
            signal.raise_signal(number)


@contextmanager
def _heard_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let `handler` hear the signals, but for those that somebody ignores on purpose or handles outside Python."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    now = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: found for number, found in now.items() if found not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, found in before.items():
            signal.signal(number, found)
