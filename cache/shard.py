"""One shard: a self-contained HDF5 file with the packed columns of at most 256 items of one modality and encoder."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from fmn.errors import InputError, first_line
from fmn.files import open_whole
from fmn.item import Item

from .heap import REFERENCE, check_heaps, texts
from .index import ShardEntry
from .layout import SCHEMA, TOOL
from .record import EncoderRecord
from .row import Row

TEXT = ("ids", "labels", "split", "pair", "group", "path", "text", "extra")
NOTES = "notes"  # text, too, of shards that have any
MOST_ATTRIBUTE = 64  # bytes that an attribute takes in its place; its text stands elsewhere
NUMBERS = {"seconds": "<f8", "start": "<f8", "end": "<f8", "windows": "<i4", "repeated": "<i4"}


@dataclass(frozen=True, eq=False)
class Shard:
    """The content of a shard: n items and their columns. `features` float32 [n, d], the others [n]."""

    items: list[Item]
    features: npt.NDArray[np.float32]
    seconds: npt.NDArray[np.float64]
    windows: npt.NDArray[np.int32]
    repeated: npt.NDArray[np.int32]
    notes: list[tuple[str, ...]]

    def rows(self) -> list[Row]:
        """Return the content item by item."""
        columns = zip(self.items, self.features, self.seconds, self.windows, self.repeated, self.notes, strict=True)
        return [
            Row(item, vector, float(time), int(count), int(more), notes)
            for item, vector, time, count, more, notes in columns
        ]


class ShardError(InputError):
    """A shard is missing or damaged: `what` is wrong with it, without the advice that the whole sentence ends with."""

    def __init__(self, folder: Path, what: str) -> None:
        self.what = what
        super().__init__(f"{what} {remedy(folder)}")


def encode_shard(record: EncoderRecord, rows: Sequence[Row]) -> bytes:
    """Return the bytes of the HDF5 file. It is made in memory (2 MB), so that the disk sees one plain write."""
    items = [row.item for row in rows]
    text = {
        "ids": [item.id for item in items],
        "labels": [item.label for item in items],
        "split": [item.split for item in items],
        "pair": [item.pair for item in items],
        "group": [item.group for item in items],
        "path": [item.path for item in items],
        "text": [item.text for item in items],
        "extra": [json.dumps(dict(item.extra), sort_keys=True) for item in items],
    }
    if any(row.notes for row in rows):
        text[NOTES] = ["\n".join(row.notes) for row in rows]
    numbers: dict[str, list[float] | list[int]] = {
        "seconds": [row.seconds for row in rows],
        "start": [np.nan if item.start is None else item.start for item in items],
        "end": [np.nan if item.end is None else item.end for item in items],
        "windows": [row.windows for row in rows],
        "repeated": [row.repeated for row in rows],
    }
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update(_attributes(record))
        file.create_dataset("features", data=np.stack([row.features for row in rows]).astype("<f4"))
        for name in text:
            # Bytes, because a file name need not be UTF-8: what the system gave comes back unchanged.
            encoded = [value.encode("utf-8", "surrogateescape") for value in text[name]]
            file.create_dataset(name, data=encoded, dtype=h5py.string_dtype("utf-8"))
        for name, kind in NUMBERS.items():
            file.create_dataset(name, data=np.asarray(numbers[name], dtype=kind))
    return buffer.getvalue()


def read_shard(folder: Path, entry: ShardEntry, record: EncoderRecord) -> Shard:
    """Read a shard and check all of it: checksum, attributes, shapes, types, ranges, finite features.

    Raises ShardError that names the shard, what is wrong and what to do.
    """
    return decode_shard(folder, shard_bytes(folder, entry)[0], entry, record)


def decode_shard(folder: Path, data: bytes, entry: ShardEntry, record: EncoderRecord) -> Shard:
    """`read_shard` of its bytes. Nothing is read but these, and no more memory taken than they can fill."""
    try:
        if data[24:32] != bytes(8):
            raise ValueError("its addresses do not begin with the file")
        check_heaps(data)
        with h5py.File(io.BytesIO(data), "r") as file:
            return _decode(file, entry, record, data)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, MemoryError, InputError) as error:
        said = first_line(error).rstrip(".")
        raise ShardError(folder, f"The shard {entry.file} is not what the index says: {said}.") from error


def shard_bytes(folder: Path, entry: ShardEntry) -> tuple[bytes, bool]:
    """The bytes of a shard as they were written, and whether its file has them: a viewer that opened it for writing and
    was killed leaves HDF5's consistency flag behind, which is mended here and says nothing of the rows.

    Raises ShardError where it is missing or damaged.
    """
    try:
        with open_whole(folder / entry.file) as file:
            data = file.read(entry.bytes + 1)
    except FileNotFoundError as error:
        raise ShardError(folder, f"The shard {entry.file} is missing.") from error
    except OSError as error:
        said = error.strerror or error
        raise ShardError(folder, f"The shard {entry.file} cannot be read ({said}).") from error
    # The checksum first: HDF5 itself is not safe against damaged files.
    for bytes_, whole in ((data, True), (_unflagged(data), False)):
        if is_whole(entry, bytes_):
            return bytes_, whole
    raise ShardError(folder, f"The shard {entry.file} is damaged: its bytes do not match the index's sha256.")


def is_whole(entry: ShardEntry, data: bytes) -> bool:
    """Whether these are the bytes that were written."""
    return len(data) == entry.bytes and hashlib.sha256(data).hexdigest() == entry.sha256


def _unflagged(data: bytes) -> bytes:
    """The same file with the consistency flags of its superblock (version 0, as it is written here) put to 0."""
    return data[:20] + bytes(4) + data[24:]


def remedy(folder: Path) -> str:
    """Say what helps against a shard that is missing or damaged."""
    return f"Run `fmn-cache repair {folder}` and then fmn-extract again, which extracts only what is missing."


def _attributes(record: EncoderRecord) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "modality": record.modality,
        "encoder": record.name,
        "fingerprint": record.fingerprint,
        "tool": TOOL,
    }


def _decode(file: h5py.File, entry: ShardEntry, record: EncoderRecord, raw: bytes) -> Shard:
    size = len(raw)
    for name, wanted in _attributes(record).items():
        if name != "tool" and (found := _attribute(file, name)) != wanted:
            raise ValueError(f"its {name} is {found!s:.80}, not {wanted}")
    features = _numbers(file, "features", "<f4", (entry.items, record.dim), size)
    if not np.isfinite(features).all():
        raise ValueError("some features are not finite")
    text = {name: _text(file, name, entry.items, raw) for name in TEXT}
    numbers = {name: _numbers(file, name, kind, (entry.items,), size) for name, kind in NUMBERS.items()}
    items = [
        Item(
            id=text["ids"][n],
            modality=record.modality,
            path=text["path"][n],
            label=text["labels"][n],
            split=text["split"][n],
            pair=text["pair"][n],
            group=text["group"][n],
            start=_time(numbers["start"][n]),
            end=_time(numbers["end"][n]),
            text=text["text"][n],
            extra=_extra(text["extra"][n]),
        )
        for n in range(entry.items)
    ]
    if len({item.id for item in items}) < len(items):
        raise ValueError("an id stands there twice")
    if not (
        np.isfinite(numbers["seconds"]).all()
        and all((numbers[k] >= 0).all() for k in ("seconds", "windows", "repeated"))
    ):
        raise ValueError("seconds, windows and repeated must be finite and at least 0")
    notes = _text(file, NOTES, entry.items, raw) if NOTES in file else [""] * entry.items
    told = [tuple(text.split("\n")) if text else () for text in notes]
    if not all(note.isprintable() for each in told for note in each):
        raise ValueError("notes must be phrases of one line")
    return Shard(items, features, numbers["seconds"], numbers["windows"], numbers["repeated"], told)


def _attribute(file: h5py.File, name: str) -> Any:
    """A single number or text; None where it is absent or anything else."""
    if name not in file.attrs:
        return None
    found = file.attrs.get_id(name)
    plain = found.shape == () and (found.dtype.kind in "iu" or h5py.check_string_dtype(found.dtype) is not None)
    return file.attrs[name] if plain and found.get_storage_size() <= MOST_ATTRIBUTE else None


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """A column of the file itself: links may lead anywhere."""
    if name in file and not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link, which may lead anywhere, and not the column itself")
    data = file[name]
    if not isinstance(data, h5py.Dataset):
        raise ValueError(f"{name} is no column but a {type(data).__name__}, which has no shape")
    return data


def _check_stored(data: h5py.Dataset, name: str, width: int, size: int) -> None:
    """Refuse a column whose values do not stand in the file as plainly as they are written here, `width` bytes each.

    Neither external nor virtual storage leads out of it, and a file of `size` bytes is never unpacked to more.
    """
    made = data.id.get_create_plist()
    if made.get_layout() != h5py.h5d.CONTIGUOUS or made.get_external_count() or made.get_nfilters():
        raise ValueError(f"{name} is not stored in the file itself, in one piece and unpacked")
    declared, stored = data.size * width, data.id.get_storage_size()
    if not declared == stored <= size:
        raise ValueError(f"{name} declares {declared} bytes, and {stored} of the file's {size} are set aside for it")


def _numbers(file: h5py.File, name: str, kind: str, shape: tuple[int, ...], size: int) -> npt.NDArray[Any]:
    data = _dataset(file, name)
    if data.shape != shape or data.dtype != np.dtype(kind):
        raise ValueError(f"{name} must be {kind[1:]}{list(shape)}, not {data.dtype!s:.80}{list(data.shape or ())}")
    _check_stored(data, name, data.dtype.itemsize, size)
    return np.asarray(data[()])


def _text(file: h5py.File, name: str, items: int, raw: bytes) -> list[str]:
    data = _dataset(file, name)
    kind = h5py.check_string_dtype(data.dtype)
    if data.shape != (items,) or kind is None:
        raise ValueError(f"{name} must be {items} texts, not {data.dtype!s:.80}{list(data.shape or ())}")
    _check_stored(data, name, kind.length or REFERENCE.size, len(raw))
    try:
        found = data[()].tolist() if kind.length else texts(raw, data.id.get_offset(), items)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return [value.decode("utf-8", "surrogateescape") for value in found]


def _time(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _extra(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("extra is nested too deeply") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"extra must be a JSON object of texts, not {text:.80}")
    return found
