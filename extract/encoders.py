"""The one registry of encoders: a name for each way to turn an item into a vector.

A new encoder is one file that offers an `EncoderKind` and one line in `KINDS`.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fmn.cache import EncoderRecord, Item, Row
from fmn.errors import BadItem, InputError
from fmn.extract.graph import Task
from fmn.extract.progress import Watcher
from fmn.extract.settings import ExtractSettings


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


def encoder_kind(modality: str, name: str) -> EncoderKind:
    """The registered encoder; InputError naming the choices when there is none of that name."""
    kinds = _kinds()
    if (modality, name) not in kinds:
        choices = ", ".join(sorted(known for kind, known in kinds if kind == modality))
        raise InputError(f"The {modality} encoder is one of: {choices}. Got {name!r}.")
    return kinds[modality, name]


def open_encoder(record: EncoderRecord, cache: Path, device: str) -> Encoder:
    """The encoder that made a cache's features, from the cache's own record of it.

    Args:
        record: from `FeatureCache.encoder(modality)`.
        cache: the cache folder, where fitted weights lie.
        device: "auto", "cpu", "cuda" or "cuda:N".
    """
    return encoder_kind(record.modality, record.name).open(record, cache, device)


@functools.lru_cache(maxsize=2)
def _opened(record: EncoderRecord, cache: Path, device: str) -> Encoder:
    return open_encoder(record, cache, device)


def encode_on_worker(items: Sequence[Item], *, record: EncoderRecord, cache: Path, device: str) -> list[Row | BadItem]:
    """The task of the item graph; a worker opens the encoder once."""
    return _opened(record, cache, device).encode(items)


def _kinds() -> dict[tuple[str, str], EncoderKind]:
    # Imported here: the encoders import this module for the types above.
    from fmn.extract.encoder_bilstm import BILSTM
    from fmn.extract.encoder_clips import CLIPS
    from fmn.extract.encoder_i3d import I3D
    from fmn.extract.encoder_musimnet import MUSIMNET
    from fmn.extract.encoder_patches import PATCHES
    from fmn.extract.encoder_vmnet import VMNET

    kinds = (I3D, *CLIPS, BILSTM, *PATCHES, MUSIMNET, VMNET)
    return {(kind.modality, kind.name): kind for kind in kinds}
