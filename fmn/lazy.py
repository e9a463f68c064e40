"""Names that a room offers and loads when they are first used, so that importing the room stays quick."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def offer(room: str, where: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a room's `__init__`.

    Args:
        room: the room's import name, `fmn.extract`.
        where: name that is offered -> module inside the room that has it, `media.frames`.
    """

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(import_module(f"{room}.{where[name]}"), name)
        setattr(sys.modules[room], name, value)  # the next use finds it without coming here
        return value

    return load, lambda: sorted({*vars(sys.modules[room]), *where})
