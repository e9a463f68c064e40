"""Ctrl-C and SIGTERM: the first one lets what is in flight be finished, the second one stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


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


@contextmanager
def stopping(say: Callable[[str], None]) -> Iterator[Stop]:
    """What says whether to stop; left, it raises `Stopped` where that was asked for.

    In a thread other than the main one no signal comes, and nothing changes.

    Raises:
        Stopped: at the end, or at once with the second signal.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def heard(number: int, _: FrameType | None) -> None:
        if stop.asked:
            raise Stopped(number)
        stop.asked = number
        with suppress(OSError):  # nobody may be there to read it
            say("Stopping after what is being done now, which is kept. Once more to stop at once.")

    now = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # What somebody ignores on purpose, or handles outside Python, stays so.
    before = {number: handler for number, handler in now.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, heard)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop.asked:
        raise Stopped(stop.asked)
