"""The reader: what a cache holds, in one order, whatever the order of extraction."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fmn.cache.failure import Failure
from fmn.cache.index import ShardEntry, load_index
from fmn.cache.item import Item
from fmn.cache.record import EncoderRecord
from fmn.cache.shard import read_shard, remedy
from fmn.errors import InputError


@dataclass(frozen=True, eq=False)
class _Table:
    """The columns of one encoder without its features, sorted by id; row `order[i]` of the shards is item i."""

    record: EncoderRecord
    shards: list[ShardEntry]
    order: npt.NDArray[np.int64]
    items: list[Item]
    seconds: npt.NDArray[np.float64]
    windows: npt.NDArray[np.int32]
    repeated: npt.NDArray[np.int32]


class FeatureCache:
    """A cache folder, opened for reading as it is at this moment.

    Every column method takes a modality ("video" or "audio") and the name of an encoder, which may be left out where
    the modality has only one; all columns are sorted by id.

    Raises InputError: not a cache, another schema version, a damaged index, a shard missing or damaged, an encoder that
    the cache does not have.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._index = load_index(self.path)
        self._tables: dict[tuple[str, str], _Table] = {}
        missing = [entry.file for entry in self._index.shards if not (self.path / entry.file).is_file()]
        if missing:
            raise InputError(f"The shard {missing[0]} is missing ({len(missing)} in all). {remedy(self.path)}")

    def ids(self, modality: str, encoder: str | None = None) -> list[str]:
        """Return the n ids, sorted."""
        return [item.id for item in self.items(modality, encoder)]

    def features(self, modality: str, encoder: str | None = None) -> npt.NDArray[np.float32]:
        """Return the features, float32 [n, d], finite. Read anew at each call: they may be large."""
        table = self._table(modality, encoder)
        features = np.empty((len(table.items), table.record.dim), dtype=np.float32)
        place = np.argsort(table.order)
        first = 0
        for entry in table.shards:
            features[place[first : first + entry.items]] = read_shard(self.path, entry, table.record).features
            first += entry.items
        return features

    def items(self, modality: str, encoder: str | None = None) -> list[Item]:
        """Return the n items with everything that the manifest said about them."""
        return list(self._table(modality, encoder).items)

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

    def _table(self, modality: str, encoder: str | None) -> _Table:
        record = self.encoder(modality, encoder)
        key = (record.modality, record.name)
        if key not in self._tables:
            entries = self._index.shards_of(*key)
            items: list[Item] = []
            numbers = [np.empty((3, 0))]
            for entry in entries:
                shard = read_shard(self.path, entry, record)
                items.extend(shard.items)
                numbers.append(np.stack([shard.seconds, shard.windows, shard.repeated]))
            if len({item.id for item in items}) < len(items):
                raise InputError(f"Some {modality} ids of {record.name} stand in two shards. {remedy(self.path)}")
            order = np.array(sorted(range(len(items)), key=lambda n: items[n].id), dtype=np.int64)
            seconds, windows, repeated = np.concatenate(numbers, axis=1)[:, order]
            self._tables[key] = _Table(
                record=record,
                shards=entries,
                order=order,
                items=[items[n] for n in order],
                seconds=seconds,
                windows=windows.astype(np.int32),
                repeated=repeated.astype(np.int32),
            )
        return self._tables[key]
