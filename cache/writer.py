"""The writer: what it has committed survives a kill at any moment, and nothing else is ever visible."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from fmn.errors import InputError
from fmn.files import read_whole, sync_folder
from fmn.item import Item
from fmn.parity import fits, has_parity, remove_parity, write_healable, write_parity

from .check import known_sums
from .index import Failure, Index, ShardEntry, read_index, save_index
from .layout import INDEX, SHARD_ITEMS, next_number, one_writer, shard_files, shard_name
from .orphans import sweep
from .record import EncoderRecord, as_json_object
from .row import Row
from .shard import encode_shard, read_shard


class CacheWriter:
    """Opens or creates a cache for writing; a context manager.

    An OSError (disk full) or an interrupt while it writes closes the writer; all that was committed before stays.
    Worker processes must not be forked while it is open: they would hold its lock after it.

    Raises InputError when another writer holds the cache, when the folder's index has another schema version or is
    damaged, and when a shard is missing or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(
                f"A cache is a folder, but {self.path} is or lies below a file: give another name."
            ) from error
        self._held = ExitStack()
        self._held.enter_context(one_writer(self.path))
        self._closed = False
        try:
            self._index, self._has_seal = self._open()
            sweep(self.path, self._index)
            if not fits(self.path / INDEX, read_whole(self.path / INDEX)):  # killed between the two
                write_parity(self.path / INDEX)
            self._ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
            for entry in self._index.shards:
                record = self._index.record_of(entry)
                ids = {item.id for item in read_shard(self.path, entry, record).items}
                self._ids[record.modality, record.name].update(ids)
        except BaseException:
            self.close()
            raise

    def describe(self, **facts: Any) -> None:
        """Merge facts (JSON values) into the index's protocol: the split rule, the seed and so on."""
        self._commit(protocol={**self._index.protocol, **as_json_object(facts, "protocol facts")})

    def declare(self, record: EncoderRecord) -> None:
        """Say which encoder is to be written.

        Raises InputError when the cache holds features that an encoder of this modality and name made differently.
        """
        known = self._index.record(record.modality, record.name)
        items = len(self.done(record.modality, record.name))
        if known and items and known.fingerprint != record.fingerprint:
            raise InputError(
                f"The cache {self.path} holds {items} {record.modality} features of encoder {record.name} that were "
                f"made differently (there / now): {'; '.join(known.differences(record))}. Features of one encoder "
                f"name must be comparable: use the same settings, or write to another folder."
            )
        others = (each for each in self._index.encoders if each is not known)
        encoders = tuple(sorted([*others, record], key=lambda each: (each.modality, each.name)))
        self._commit(encoders=encoders, files=self._with_sums(record, replace(self._index, encoders=encoders)))

    def keep(self, name: str, data: bytes) -> None:
        """Put a file of fmn's own beside the shards, whole or not at all, with its checksum in the index."""
        digest, path = hashlib.sha256(data).hexdigest(), self.path / name
        if self._index.files.get(name) == digest and path.is_file() and read_whole(path) == data:
            return
        # Between the two commits nothing is said of it: whichever of both is there after a kill is not damaged.
        self._commit(files={of: known for of, known in self._index.files.items() if of != name})
        with self._closed_by_errors():
            write_healable(path, data)
        self._commit(files={**self._index.files, name: digest})

    def record(self, modality: str, encoder: str) -> EncoderRecord | None:
        """Return the record of an encoder that was declared, None where there is none."""
        return self._index.record(modality, encoder)

    def done(self, modality: str, encoder: str) -> set[str]:
        """Return the ids that are committed for an encoder."""
        return set(self._ids[modality, encoder])

    def add(self, encoder_name: str, rows: Sequence[Row]) -> None:
        """Commit extracted items, all of one modality: durable when this returns, none of them before.

        Clears the failures of these items. Raises ValueError for mixed modalities, an encoder that was not declared or
        features of another length than declared, and InputError for an id that the cache already holds.
        """
        if not rows:
            return
        record = self._checked(encoder_name, rows)
        shards = self._index.shards_of(record.modality, record.name)
        # Shards never change. One with room left grows by a successor that holds its items and the new ones.
        tail = shards[-1] if shards and shards[-1].items < SHARD_ITEMS else None
        earlier = read_shard(self.path, tail, record).rows() if tail else []
        with self._closed_by_errors():
            new = self._write_shards(record, [*earlier, *rows])
            self._commit(
                labels=tuple(sorted({*self._index.labels, *(row.item.label for row in rows)} - {""})),
                shards=(*(each for each in self._index.shards if each is not tail), *new),
                failures=self._failures_without(record.modality, {row.item.id for row in rows}),
            )
            self._ids[record.modality, record.name].update(row.item.id for row in rows)
            if tail:
                (self.path / tail.file).unlink()
                remove_parity(self.path / tail.file)

    def fail(self, item: Item, reason: str) -> None:
        """Record that an item could not be extracted; `reason` is one sentence. A later `add` of the item clears it."""
        others = self._failures_without(item.modality, {item.id})
        self._commit(failures=(*others, Failure.of(item, " ".join(reason.split()))))

    def protocol(self) -> dict[str, Any]:
        """Return the facts that `describe` wrote."""
        return dict(self._index.protocol)

    def failures(self) -> list[Failure]:
        """Return the failures as they stand."""
        return list(self._index.failures)

    def clear_failure(self, modality: str, item_id: str) -> None:
        """Forget a failure, of an item that is no longer in the manifest for instance."""
        self._commit(failures=self._failures_without(modality, {item_id}))

    def close(self) -> None:
        """Let the next writer in. Nothing is pending: what `add` returned from is on disk."""
        self._closed = True
        self._held.close()

    def __enter__(self) -> "CacheWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> tuple[Index, bool]:
        """The index, and whether its file has a checksum."""
        if (self.path / INDEX).exists():
            return read_index(self.path)
        if shards := shard_files(self.path):
            raise InputError(
                f"The folder {self.path} holds {len(shards)} shards ({shards[0]} ...) but no {INDEX}, without which "
                f"nobody knows what they are: put it back, or move them away."
            )
        index = Index()
        save_index(self.path, index)
        sync_folder(self.path.absolute().parent)
        return index, True

    def _with_sums(self, record: EncoderRecord, index: Index) -> dict[str, str]:
        """The index's checksums of files, with those of an encoder's weights, which can be healed from now on."""
        files, known = dict(self._index.files), known_sums(index)
        for name in record.weights.get("files", {}).values():
            path = self.path / name
            if not path.is_file() or (name in files and has_parity(path)):
                continue
            digest = hashlib.sha256(read_whole(path)).hexdigest()
            if digest.startswith(known.get(name, "")):  # else it is damaged, which verify says
                files[name] = digest
                write_parity(path)
        return files

    def _checked(self, encoder: str, rows: Sequence[Row]) -> EncoderRecord:
        modalities = {row.item.modality for row in rows}
        if len(modalities) > 1:
            raise ValueError("One call of add takes one modality, but these rows are of video and audio.")
        record = self._index.record(modalities.pop(), encoder)
        if record is None:
            raise ValueError(f"Declare the {rows[0].item.modality} encoder {encoder!r} before adding features of it.")
        held, seen = self._ids[record.modality, record.name], set[str]()  # not copied: it may be a million
        for row in rows:
            if row.features.shape != (record.dim,):
                raise ValueError(
                    f"Encoder {encoder} was declared with dim {record.dim}, but the features of {row.item.id!r} have "
                    f"{row.features.size}."
                )
            if row.item.id in held or row.item.id in seen:
                raise InputError(
                    f"The id {row.item.id!r} stands twice among the {record.modality} items of encoder {encoder}: "
                    f"ids must be unique."
                )
            seen.add(row.item.id)
        return record

    def _write_shards(self, record: EncoderRecord, rows: Sequence[Row]) -> list[ShardEntry]:
        """Write files that nobody sees until the index names them."""
        number = next_number(self.path, [entry.file for entry in self._index.shards])
        entries: list[ShardEntry] = []
        for first in range(0, len(rows), SHARD_ITEMS):
            part = rows[first : first + SHARD_ITEMS]
            name = shard_name(record.modality, record.name, number + len(entries))
            data = encode_shard(record, part)
            write_healable(self.path / name, data)
            digest = hashlib.sha256(data).hexdigest()
            entries.append(ShardEntry(name, record.modality, record.name, len(part), digest, len(data)))
        return entries

    def _commit(self, **changes: Any) -> None:
        index = replace(self._index, **changes)
        if index == self._index and self._has_seal:
            return
        with self._closed_by_errors():
            save_index(self.path, index)
            self._index, self._has_seal = index, True

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        """After an error or interrupt in the middle of a write, memory and disk may differ: nothing more is written."""
        if self._closed:
            raise ValueError(f"The writer of {self.path} is closed.")
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _failures_without(self, modality: str, ids: set[str]) -> tuple[Failure, ...]:
        return tuple(each for each in self._index.failures if each.modality != modality or each.id not in ids)
