"""`--log-json`: what a command does, a JSON object a line, for programs. docs/logs.md says what is in it."""

import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fmn import __version__
from fmn.errors import InputError
from fmn.item import Item

SECONDS = 10.0  # of progress a line at most; the last of a stage is always written
STDERR = "-"
SIGNALS = {130: "SIGINT", 143: "SIGTERM"}
_PLACE, _LOG = "fmn.log.place", "fmn.log"


class Log:
    """A `Watcher` (fmn.progress) that writes events. `on_stderr`: there, where nothing else is printed then."""

    def __init__(self, command: str, place: str) -> None:
        self.on_stderr = place == STDERR
        self.counts: dict[str, Any] = {}
        self._command, self._place = command, place
        self._file = _stderr() if self.on_stderr else _appending(Path(place))
        self._stage, self._total, self._done, self._failed = "", 0, 0, 0
        self._began = self._wrote = time.monotonic()
        self._pending = False

    def write(self, event: str, **fields: Any) -> None:
        """One line. Raises OSError (disk full ...)."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, "command": self._command, **fields}) + "\n"
        left = memoryview(line.encode("ascii"))
        try:
            while left:  # a signal may cut a write short
                left = left[self._file.write(left) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._place) from None

    def say(self, text: str) -> None:
        """A sentence."""
        self.write("said", text=text)

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        self.rest()
        self._stage, self._total, self._done, self._failed = name, total, 0, 0
        self._began = self._wrote = time.monotonic()
        self.write("stage", stage=name, total=total)

    def step(self, count: int = 1, failed: int = 0) -> None:
        """Steps are done: a line now and then."""
        self._done += count
        self._failed += failed
        self._pending = True
        if time.monotonic() - self._wrote > SECONDS or self._done >= self._total:
            self.rest()

    def note(self, text: str) -> None:
        """A few words about the stage."""
        self.write("note", stage=self._stage, text=text)

    def item(self, item: Item, reason: str = "") -> None:
        """An item is done, or failed."""
        of = {"stage": self._stage, "modality": item.modality, "id": item.id, "path": item.path}
        self.write("item_failed", **of, reason=reason) if reason else self.write("item_done", **of)

    def rest(self) -> None:
        """The progress that no line has told yet."""
        if not self._pending:
            return
        self._pending, self._wrote = False, time.monotonic()
        rate = self._done / max(1e-9, self._wrote - self._began)
        told = {"stage": self._stage, "done": self._done, "total": self._total, "failed": self._failed}
        left = round(max(0, self._total - self._done) / rate, 1) if rate else None
        self.write("progress", **told, rate=round(rate, 4), eta=left)

    def close(self) -> None:
        """Nothing more comes."""
        if self._file is not getattr(sys.stderr, "buffer", None):
            self._file.close()


def log_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--log-json`. Its `Bars` and `echo` know of it; what it `counted` stands in the last line."""
    return click.option(
        "--log-json",
        metavar="FILE",
        expose_value=False,
        callback=lambda context, _, place: context.meta.update({_PLACE: place}),
        help="Add what happens to FILE, a JSON object a line (docs/logs.md). -: on stderr, in place of the progress.",
    )(function)


def current_log() -> Log | None:
    """The log of the command that runs, if it was asked for one."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_LOG) if context else None


def counted(**counts: Any) -> None:
    """What the last line of the log tells of the command's outcome; JSON values."""
    if log := current_log():
        log.counts |= counts


@contextmanager
def logged(context: click.Context) -> Iterator[None]:
    """Write how a command begins and ends, where it was asked to. What it raises are click's own errors.

    Raises:
        InputError: the file cannot be written to.
    """
    place = context.meta.get(_PLACE)
    if place is None:
        yield
        return
    log = context.meta[_LOG] = Log(context.command_path, place)
    try:
        told = {"version": __version__, "pid": os.getpid(), "folder": os.getcwd()}
        log.write("started", **told, options=_plain(context.params))
        yield
        _finish(log, 0)
    except click.exceptions.Exit as done:
        _finish(log, done.exit_code)
        raise
    except click.ClickException as error:
        with suppress(OSError):  # it may be the log's own disk that is full
            log.rest()
            signal = SIGNALS.get(error.exit_code)
            event, of = ("stopped", {"signal": signal}) if signal else ("error", {})
            log.write(event, **of, sentence=error.format_message(), exit_code=error.exit_code, counts=log.counts)
        if log.on_stderr:  # it has been said there
            raise click.exceptions.Exit(error.exit_code) from None
        raise
    finally:
        log.close()


def _finish(log: Log, code: int) -> None:
    log.rest()
    log.write("finished", exit_code=code, counts=log.counts)


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON values."""
    kept = (str, int, type(None))
    return {name: value if isinstance(value, kept) or _finite(value) else str(value) for name, value in options.items()}


def _finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _stderr() -> Any:
    """Not by Python's buffer, which a handler of a signal must not write to while it is written to."""
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "wb", buffering=0)
    except io.UnsupportedOperation:
        return sys.stderr.buffer  # something in memory that stands in for it


def _appending(path: Path) -> Any:
    """The file, to be added to: nothing in it is lost, and a line that a kill cut is ended."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = path.is_file() and _last_byte(path) not in (b"", b"\n")
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise InputError(
            f"The log is added to a file, and {path} is none that can be written to ({error.strerror}): name another "
            "--log-json."
        ) from None
    if cut:
        file.write(b"\n")
    return file


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        return file.read(1)
