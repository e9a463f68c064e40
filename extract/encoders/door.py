"""What an encoder is: the one door that every encoder comes through."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fmn.cache import EncoderRecord, Row
from fmn.errors import BadItem
from fmn.item import Item
from fmn.progress import Watcher
from fmn.workers import Task

from .settings import ExtractSettings


class Encoder(Protocol):
    """A ready encoder of one modality."""

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row an item, in order; a BadItem in the place of an item that cannot be used."""


@dataclass(frozen=True)
class Settling:
    """What an encoder may use to settle its weights: the items of the train split, the workers, the cache folder.

    `map(task, items, chunk)` runs a task on the workers and yields (item, result) lists as they become ready.
    """

    cache: Path
    settings: ExtractSettings
    train: Sequence[Item]
    map: Callable[[Task, Sequence[Item], int], Iterator[list[tuple[Item, Any]]]]
    watcher: Watcher


@dataclass(frozen=True)
class EncoderKind:
    """An encoder by name.

    `settle` finds, fetches or fits the weights and says what was done in a record; `open` builds the encoder that a
    record describes (the same on every worker and in search) and raises InputError when its weights are not to be
    had any more. `asked`: the part of the settings that decides the features; a cache whose record was asked for in
    the same words keeps its encoder. `chunk`: items that are encoded together.
    """

    modality: str
    name: str
    chunk: int
    asked: Callable[[ExtractSettings], dict[str, Any]]
    settle: Callable[[Settling], EncoderRecord]
    open: Callable[[EncoderRecord, Path, str], Encoder]
