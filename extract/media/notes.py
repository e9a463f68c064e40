"""What was done to an item's pictures and sound before an encoder saw them, in phrases that its row keeps.

They are said where it is done, deep in the reading of a file, and wanted where the row is made: what runs below `noted`
says them with `note`.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from fmn.item import Item

T = TypeVar("T")

_SAID: ContextVar[list[str] | None] = ContextVar("said", default=None)


def note(phrase: str) -> None:
    """Say something of the item that is being read, once; nobody listens outside `noted`."""
    said = _SAID.get()
    if said is not None and phrase not in said:
        said.append(phrase)


def noted(make: Callable[[Item], T], item: Item) -> tuple[T, tuple[str, ...]]:
    """(what `make` makes of the item, what was noted meanwhile, in the order in which it was said)."""
    said: list[str] = []
    token = _SAID.set(said)
    try:
        return make(item), tuple(said)
    finally:
        _SAID.reset(token)
