"""One process for what may crash, hang or eat memory: watched from outside, and started again when it was lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process, parent_process
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import psutil

from fmn.errors import InputError
from fmn.workers import Spawn, end_with

JOIN = 5.0  # seconds for a killed process to be gone
NOT_STARTED = (
    "A process that reads media could not begin. A script that asks for one must do so under "
    'if __name__ == "__main__":, for it is imported by that process.'
)
POLL = 0.1  # seconds between two looks at the process
BEAT = 1.0  # seconds between two signs of life, at the least
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """`stall`: seconds without a sign of life (`alive`) after which a process is given up; a window of TV-L1 flow may
    take a minute. `memory`: bytes that it may hold."""

    stall: float = 300.0
    memory: float = 8 * GIB

    def __post_init__(self) -> None:
        if not 1 <= self.stall <= 1e6:
            raise InputError(f"An item may be silent for 1 to 1,000,000 seconds, got {self.stall:g}.")
        if not GIB // 2 <= self.memory <= 4096 * GIB:
            raise InputError(f"An item may take from 0.5 to 4096 GiB, got {self.memory / GIB:g}.")


class Crash(Exception):
    """The process was lost; the text is a phrase that says how."""


class Child:
    """A process that calls functions for this one, started with the first call and again after each loss.

    Functions and arguments are importable by name: they travel. One call at a time.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._process: Any = None
        self._ours: Connection | None = None
        self._warming = self._heard = False

    def warm(self, function: Callable[[], Any]) -> None:
        """Start the process and have it call something, an import for instance, while this one does something else."""
        self._start()
        assert self._ours is not None
        self._ours.send((function, ()))
        self._warming = True

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What `function` returns there, or raises there.

        Raises:
            Crash: the process died, was silent for too long or took too much memory.
        """
        if self._process is None or not self._process.is_alive():
            self._start()
        process, ours = self._process, self._ours  # another thread may close what this one waits for
        assert process is not None and ours is not None
        try:
            if self._warming:
                self._warming = False
                self._answer(process, ours)  # what failed fails again where it is wanted, and is said then
            self._send(process, ours, (function, arguments))
            kind, value = self._answer(process, ours)
        except (EOFError, OSError):
            process.join(JOIN)  # so that it has an exit code
            if not self._heard and (process.exitcode or 0) > 0:  # no signal: it ended by itself
                self.close()
                raise InputError(NOT_STARTED) from None
            raise self._lost(_told(process.exitcode)) from None
        except BaseException:
            self.close()  # interrupted: the answer that comes is nobody's
            raise
        if kind == "raised":
            raise value
        return value

    def close(self) -> None:
        """End the process, if there is one."""
        process, ours = self._process, self._ours
        self._process = self._ours = None
        self._warming = False
        if process is not None:
            process.kill()
            process.join(JOIN)  # one that waits for a dead disk cannot be killed, and is left
        if ours is not None:
            ours.close()

    def _start(self) -> None:
        self.close()
        self._heard = False
        context = Spawn()
        self._ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _allowed_children():
            process.start()
        theirs.close()
        self._process = process

    def _send(self, process: Any, ours: Connection, message: Any) -> None:
        """A pipe that is full and that nobody reads would hold this for ever."""
        timer = threading.Timer(self.limits.stall, process.kill)
        timer.daemon = True
        timer.start()
        try:
            ours.send(message)
        finally:
            timer.cancel()

    def _answer(self, process: Any, ours: Connection) -> tuple[str, Any]:
        heard = time.monotonic()
        while True:
            if ours.poll(POLL):
                kind, value = ours.recv()
                self._heard = True
                if kind != "alive":
                    return kind, value
                heard = time.monotonic()
            elif time.monotonic() - heard > self.limits.stall:
                raise self._lost(f"it gave no sign of life for {self.limits.stall:g} s (a file without an end?)")
            held = _held(process.pid)
            if held > self.limits.memory:
                raise self._lost(f"it took more than {self.limits.memory / GIB:.1f} GiB of memory")

    def _lost(self, how: str) -> Crash:
        self.close()
        return Crash(how)


def alive() -> None:
    """Say that work goes on: called once a frame or window. Nothing happens outside a child."""
    _BEATING()


class _Beating:
    def __init__(self) -> None:
        self.parent: Connection | None = None
        self.last = 0.0

    def __call__(self) -> None:
        if self.parent is not None and time.monotonic() - self.last > BEAT:
            self.last = time.monotonic()
            self.parent.send(("alive", None))


_BEATING = _Beating()


def _serve(parent: Connection) -> None:
    """The child's life: calls come and answers go, until the parent is gone."""
    started_by = parent_process()
    assert started_by is not None
    end_with(started_by.sentinel)
    _BEATING.parent = parent
    parent.send(("alive", None))
    while True:
        try:
            function, arguments = parent.recv()
        except EOFError:
            return
        try:
            answer = "done", function(*arguments)
        except Exception as error:
            answer = "raised", _that_travels(error)
        try:
            parent.send(answer)
        except OSError:
            return
        except Exception:  # what cannot travel
            parent.send(("raised", RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))


def _that_travels(error: Exception) -> Exception:
    """The same error, or its words where its kind cannot be made again on the other side."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@contextmanager
def _allowed_children() -> Iterator[None]:
    """Dask's workers are daemons as a rule, which multiprocessing denies children for fear of orphans; ours end."""
    config: dict[str, Any] = current_process()._config  # type: ignore[attr-defined]
    before = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = before


def _held(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0  # it is gone, which the pipe tells


def _told(code: int | None) -> str:
    if code is not None and code < 0:
        return f"it ended with signal {-code} (a crash in the decoder, or out of memory)"
    return f"it ended with exit code {code}"
