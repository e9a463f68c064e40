"""Names that a room offers and loads when they are first used, so that importing the room stays quick."""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def offer(room: str, file: str) -> tuple[Callable[[str], Any], list[str]]:
    """`__getattr__` and `__all__` of a room's `__init__`, from what it imports `if TYPE_CHECKING` for type checkers.

    Args:
        room: the room's import name, `fmn.extract`.
        file: the `__init__`'s own `__file__`.
    """
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    where = {alias.name: f"{room}.{node.module}" for node in imports for alias in node.names}

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(import_module(where[name]), name)
        setattr(sys.modules[room], name, value)  # the next use finds it without coming here
        return value

    return load, sorted(where)
