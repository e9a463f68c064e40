"""The reader: what a cache holds, in one order, whatever the order of extraction."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fmn.errors import InputError
from fmn.item import Item

from .index import Failure, Index, load_index
from .record import EncoderRecord
from .shard import Shard, ShardError, read_shard, remedy

TRIES = 8  # a writer that commits faster than a shard is read would have to win this often in a row

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class _Table:
    """The columns of one encoder without its features, sorted by id."""

    record: EncoderRecord
    items: list[Item]
    seconds: npt.NDArray[np.float64]
    windows: npt.NDArray[np.int32]
    repeated: npt.NDArray[np.int32]
    notes: list[tuple[str, ...]]


class FeatureCache:
    """A cache folder, opened for reading.

    A writer may be at work on it: the items of an encoder are those that were there when its first column was read,
    for all columns.

    Every column method takes a modality ("video" or "audio") and the name of an encoder, which may be left out where
    the modality has only one; all columns are sorted by id.

    Raises InputError: not a cache, another schema version, a damaged index, a shard missing or damaged, an encoder that
    the cache does not have.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._index = load_index(self.path)
        self._tables: dict[tuple[str, str], _Table] = {}
        self._read(self._check_shards)

    def ids(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n ids, sorted."""
        return [item.id for item in self.items(modality, encoder)]

    def features(
        self, modality: str, encoder: str | None = None, *, split: str | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the features, float32 [n, d], finite, all or a split's. Read anew at each call: they may be large."""
        table = self._table(modality, encoder)
        features = self._read(lambda index: self._features(table, index))
        return features if split is None else features[[item.split == split for item in table.items]]

    def items(self, modality: str, encoder: str | None = None, *, split: str | None = None) -> list[Item]:
        """Return the n items, or those of one split, with everything that the manifest said about them."""
        return [item for item in self._table(modality, encoder).items if split in (None, item.split)]

    def labels(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n labels, "" where an item has none."""
        return [item.label for item in self.items(modality, encoder)]

    def splits(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return for each of the n items train, val, test or ""."""
        return [item.split for item in self.items(modality, encoder)]

    def pairs(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n pair names, "" where an item has none."""
        return [item.pair for item in self.items(modality, encoder)]

    def groups(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n groups (speaker, actor, camera), "" where an item has none."""
        return [item.group for item in self.items(modality, encoder)]

    def paths(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n paths of the media files."""
        return [item.path for item in self.items(modality, encoder)]

    def texts(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n texts (what is said or shown), "" where an item has none."""
        return [item.text for item in self.items(modality, encoder)]

    def seconds(self, modality: str, encoder: str | None = None) -> npt.NDArray[np.float64]:
        """Return the n durations that were read, in seconds, [n]."""
        return self._table(modality, encoder).seconds.copy()

    def windows(self, modality: str, encoder: str | None = None) -> npt.NDArray[np.int32]:
        """Return the n numbers of windows that the features were averaged over, [n]."""
        return self._table(modality, encoder).windows.copy()

    def repeated(self, modality: str, encoder: str | None = None) -> npt.NDArray[np.int32]:
        """Return the n numbers of frames that repeat-padding added, [n]; 0 = none."""
        return self._table(modality, encoder).repeated.copy()

    def notes(self, modality: str, encoder: str | None = None) -> list[tuple[str, ...]]:
        """Return for each of the n items what was done to its pictures or sound before it was encoded, in phrases."""
        return list(self._table(modality, encoder).notes)

    def encoders(self, modality: str | None = None) -> list[EncoderRecord]:
        """Return the records of all encoders, or of those of one modality, sorted by modality and name."""
        return [record for record in self._index.encoders if modality in (None, record.modality)]

    def encoder(self, modality: str, name: str | None = None) -> EncoderRecord:
        """Return the record of an encoder; without a name, of the only one that the modality has."""
        records = self.encoders(modality)
        choices = ", ".join(record.name for record in records)
        if not records:
            raise InputError(
                f"The cache {self.path} holds no {modality} features: run fmn-extract with {modality} items."
            )
        if name is None and len(records) > 1:
            raise InputError(
                f"The cache {self.path} holds {modality} features of several encoders ({choices}): name one."
            )
        found = next((record for record in records if name in (None, record.name)), None)
        if found is None:
            raise InputError(
                f"The cache {self.path} holds no {modality} features of encoder {name!r}, but of {choices}."
            )
        return found

    def fingerprint(self, modality: str, encoder: str | None = None) -> str:
        """Return the sha256 (hex) of all that decides the features' values."""
        return self.encoder(modality, encoder).fingerprint

    def failures(self, modality: str | None = None) -> list[Failure]:
        """Return the items that could not be extracted, sorted by modality and id."""
        found = (failure for failure in self._index.failures if modality in (None, failure.modality))
        return sorted(found, key=lambda failure: (failure.modality, failure.id))

    def warnings(self) -> list[str]:
        """Return the encoders' warnings, one sentence each: they belong with every table made from these features."""
        return list(dict.fromkeys(record.warning for record in self._index.encoders if record.warning))

    @property
    def protocol(self) -> dict[str, Any]:
        """How the cache was made: the split rule, the seed and so on."""
        return copy.deepcopy(dict(self._index.protocol))

    def _read(self, read: Callable[[Index], Found]) -> Found:
        """Read by the index; where a writer has replaced a shard meanwhile, again by the index that is there now."""
        for _ in range(TRIES - 1):
            try:
                return read(self._index)
            except ShardError:
                present = load_index(self.path)
                if present.shards == self._index.shards:
                    raise
                self._index = present
        return read(self._index)

    def _check_shards(self, index: Index) -> None:
        missing = [entry.file for entry in index.shards if not (self.path / entry.file).is_file()]
        if missing:
            raise ShardError(self.path, f"The shard {missing[0]} is missing ({len(missing)} in all).")

    def _features(self, table: _Table, index: Index) -> npt.NDArray[np.float32]:
        features = np.empty((len(table.items), table.record.dim), dtype=np.float32)
        place = {item.id: n for n, item in enumerate(table.items)}
        now = index.record(table.record.modality, table.record.name)
        if now and now.fingerprint == table.record.fingerprint:
            for shard in self._shards(table.record, index):
                for item, vector in zip(shard.items, shard.features, strict=True):
                    if item.id in place:
                        features[place.pop(item.id)] = vector
        if place:
            raise InputError(
                f"{len(place)} of the {len(table.items)} {table.record.modality} items have gone from the cache "
                f"{self.path} while it was read: run the same command again."
            )
        return features

    def _shards(self, record: EncoderRecord, index: Index) -> Iterator[Shard]:
        # The last first: it is the only one that a writer replaces, so this leaves it the least time to do so.
        for entry in reversed(index.shards_of(record.modality, record.name)):
            yield read_shard(self.path, entry, record)

    def _table(self, modality: str, encoder: str | None) -> _Table:
        record = self.encoder(modality, encoder)
        key = (record.modality, record.name)
        if key not in self._tables:
            self._tables[key] = self._read(lambda index: self._columns(index, *key))
        return self._tables[key]

    def _columns(self, index: Index, modality: str, encoder: str) -> _Table:
        record = index.record(modality, encoder) or self.encoder(modality, encoder)
        items: list[Item] = []
        notes: list[tuple[str, ...]] = []
        numbers = [np.empty((3, 0))]
        for shard in self._shards(record, index):
            items.extend(shard.items)
            notes.extend(shard.notes)
            numbers.append(np.stack([shard.seconds, shard.windows, shard.repeated]))
        if len({item.id for item in items}) < len(items):
            raise InputError(f"Some {modality} ids of {record.name} stand in two shards. {remedy(self.path)}")
        order = sorted(range(len(items)), key=lambda n: items[n].id)
        seconds, windows, repeated = np.concatenate(numbers, axis=1)[:, np.array(order, dtype=np.int64)]
        return _Table(
            record=record,
            items=[items[n] for n in order],
            seconds=seconds,
            windows=windows.astype(np.int32),
            repeated=repeated.astype(np.int32),
            notes=[notes[n] for n in order],
        )
