"""Bars in a terminal, plain lines in a log: rate, time left and failures either way."""

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fmn.commands.console import PlainConsole
from fmn.commands.log import current_log
from fmn.item import Item
from fmn.printable import printable

LINE_SECONDS = 10.0  # a log gets a line so often


class Bars:
    """A `Watcher` (fmn.progress) for a person, and the log; a context manager. Everything goes to standard error."""

    def __init__(self, quiet: bool = False) -> None:
        self._log = current_log()
        quiet = quiet or (self._log is not None and self._log.on_stderr)
        self._console = PlainConsole(stderr=True, quiet=quiet)
        self._terminal = self._console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[failed]}{task.fields[note]}", markup=False),
            console=self._console,
            disable=quiet or not self._terminal,
        )
        self._task: TaskID | None = None
        self._name, self._note = "", ""
        self._total, self._done, self._failed = 0, 0, 0
        self._began = self._spoke = time.monotonic()

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One sentence, above the bar."""
        if self._log:
            self._log.say(text)
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(printable(text), soft_wrap=True)

    def stage(self, name: str, total: int) -> None:
        """A new bar."""
        if self._task is not None:
            self._bars.stop_task(self._task)
        if self._log:
            self._log.stage(name, total)
        self._name, self._total, self._done, self._failed, self._note = name, total, 0, 0, ""
        self._began = self._spoke = time.monotonic()
        self._task = self._bars.add_task(printable(name), total=total, rate="", failed="", note="")
        if not self._terminal:
            self._print(f"{name}: {total} to do")

    def step(self, count: int = 1, failed: int = 0) -> None:
        """Move the bar on."""
        if self._log:
            self._log.step(count, failed)
        self._done += count
        self._failed += failed
        if self._task is not None:
            self._bars.update(self._task, completed=self._done, rate=self._rate(), failed=self._failures())
        now = time.monotonic()
        if not self._terminal and (now - self._spoke > LINE_SECONDS or self._done >= self._total):
            self._spoke = now
            left = (now - self._began) / self._done * (self._total - self._done)
            self._print(
                f"{self._name}: {self._done}/{self._total}, {self._rate()}, {left:.0f} s left"
                f"{self._failures()}{self._note}"
            )

    def note(self, text: str) -> None:
        """A few words behind the bar."""
        if self._log:
            self._log.note(text)
        self._note = f", {printable(text)}"
        if self._task is not None:
            self._bars.update(self._task, note=self._note)

    def item(self, item: Item, reason: str = "") -> None:
        """The bars only count it."""
        if self._log:
            self._log.item(item, reason)

    def _rate(self) -> str:
        pace = self._done / max(1e-9, time.monotonic() - self._began)
        return f"{pace:.1f}/s" if pace >= 1 else f"{1 / max(pace, 1e-9):.1f} s each"

    def _failures(self) -> str:
        return f", {self._failed} failed" if self._failed else ""
