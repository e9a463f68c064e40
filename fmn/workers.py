"""Work in several processes."""

from collections.abc import Callable, Sequence
from typing import Any

from fmn.item import Item

Task = Callable[[Sequence[Item]], list[Any]]
"""One result or one BadItem an item, in order."""
