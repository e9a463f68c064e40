"""The console that every command prints on: what comes from outside is shown literally, and moves no cursor."""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from fmn.printable import printable

PIPE_WIDTH = 10_000  # characters of a table's line in a pipe or a file: a path that is folded there is no path any more


class PlainConsole(Console):
    """A rich console without markup, emoji names and highlighting, whose texts are `printable` (fmn.printable).

    Where a line break in a name must not break the line either, the name is `printable` before it is put into a text.
    """

    def __init__(self, width: int | None = None, stderr: bool = False, quiet: bool = False) -> None:
        super().__init__(width=width, stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """A text of a string, as everything makes it that prints one."""
        return super().render_str(printable(text, lines=True), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of anything printed; texts that somebody else made are among it."""
        if isinstance(renderable, Text) and (said := printable(renderable.plain, lines=True)) != renderable.plain:
            renderable = renderable.copy()
            renderable.plain = said
        return super().render(renderable, options)


def piped(width: int = PIPE_WIDTH) -> int | None:
    """The width of a table: the terminal's, and `width` in a pipe or a file."""
    return None if sys.stdout.isatty() else width
