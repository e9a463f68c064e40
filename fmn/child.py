"""One process for what may crash, hang or eat memory: watched from outside, and started again when it was lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import current_process, parent_process
from multiprocessing.connection import Connection, wait
from os import _exit
from typing import Any

import psutil

from fmn.errors import InputError
from fmn.workers import Spawn

POLL = 0.1  # seconds between two looks at the process
BEAT = 1.0  # seconds between two signs of life, at the least
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """`stall`: seconds without a sign of life (`alive`) after which a process is given up; a window of TV-L1 flow may
    take a minute. `memory`: bytes that it may hold."""

    stall: float = 300.0
    memory: int = 8 * GIB

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
        self._warming = False

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
        assert self._ours is not None
        try:
            if self._warming:
                self._warming = False
                self._answer()  # what failed fails again where it is wanted, and is said then
            self._ours.send((function, arguments))
            kind, value = self._answer()
        except (EOFError, OSError):
            self._process.join(5)  # so that it has an exit code
            raise self._lost(_told(self._process.exitcode)) from None
        if kind == "raised":
            raise value
        return value

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._ours is not None:
            self._ours.close()
        self._process = self._ours = None
        self._warming = False

    def _start(self) -> None:
        self.close()
        context = Spawn()
        self._ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _allowed_children():
            process.start()
        theirs.close()
        self._process = process

    def _answer(self) -> tuple[str, Any]:
        assert self._ours is not None
        heard = time.monotonic()
        while True:
            if self._ours.poll(POLL):
                kind, value = self._ours.recv()
                if kind != "alive":
                    return kind, value
                heard = time.monotonic()
            elif time.monotonic() - heard > self.limits.stall:
                raise self._lost(f"it gave no sign of life for {self.limits.stall:g} s (a file without an end?)")
            held = _held(self._process.pid)
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
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _BEATING.parent = parent
    while True:
        try:
            function, arguments = parent.recv()
        except EOFError:
            return
        try:
            answer = "done", function(*arguments)
        except Exception as error:
            answer = "raised", error
        try:
            parent.send(answer)
        except OSError:
            return
        except Exception:  # what cannot travel
            parent.send(("raised", RuntimeError(f"{type(answer[1]).__name__}: {answer[1]}")))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    _exit(1)


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
