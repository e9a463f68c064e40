"""Reading a TensorFlow checkpoint (`.index` and `.data-NNNNN-of-NNNNN`) without TensorFlow: names to arrays.

The index is a sorted table of blocks (LevelDB's format) from variable names to protocol buffer entries, which say where
in the data files a variable's raw values lie (tensorflow/core/protobuf/tensor_bundle.proto).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from fmn.errors import InputError

MAGIC = 0xDB4775248B80FB57
MASK_DELTA = 0xA282EAD8
FOOTER = 48
LARGEST_INDEX = 64 << 20  # bytes; the largest published ones are some hundred kilobytes
# Numbers of tensorflow/core/framework/types.proto.
DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 19: "<f2"}


class _Damaged(Exception):
    """What is wrong with the bytes, as the end of a sentence."""


@dataclass(frozen=True)
class _Entry:
    """Where a variable lies: BundleEntryProto."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    sliced: bool


def checkpoint_prefix(path: str | Path) -> Path | None:
    """The prefix of the checkpoint that `path` means: a prefix, its `.index`, or a folder with one in it; else None.

    A prefix that ends with a slash gives files that are called `.index` and `.data-00000-of-00001`.
    """
    path = Path(path)
    if path.is_dir():
        found = sorted(path.glob("*.index")) + sorted(path.glob(".index"))
        return _without_index(found[0]) if len(set(found)) == 1 else None
    if path.name.endswith(".index") and path.is_file():
        return _without_index(path)
    return path if Path(f"{path}.index").is_file() else None


def read_tensorflow_checkpoint(path: str | Path) -> dict[str, NDArray[np.generic]]:
    """The variables of a checkpoint, by name, each in its own shape and number type; checksums are verified.

    Args:
        path: the checkpoint's prefix (what stands before `.index`), its `.index` file, or the folder of just one.

    Raises:
        InputError: no checkpoint there, files missing, cut off or damaged, compressed, or of a type that is not plain
            numbers.
    """
    prefix = checkpoint_prefix(path)
    if prefix is None:
        raise InputError(
            f"A TensorFlow checkpoint is a file NAME.index beside NAME.data-00000-of-00001, and {path} leads to none "
            "(or a folder to several): correct the path."
        )
    index = _index_file(prefix)
    if index.stat().st_size > LARGEST_INDEX:
        raise InputError(f"{index} is no index of a TensorFlow checkpoint: it has {index.stat().st_size} bytes.")
    try:
        entries = dict(_entries(index.read_bytes()))
        shards = entries.pop("", b"")
        count = int(_fields(shards).get(1, [1])[0]) if shards else 1
        if _fields(shards).get(2, [0])[0] != 0:
            raise _Damaged("its values are big-endian, which this tool does not read")
        parsed = {name: _entry(value) for name, value in entries.items()}
        return _Values(prefix, count).read(parsed)
    except (_Damaged, IndexError, ValueError, TypeError, OverflowError) as error:
        why = str(error) if isinstance(error, _Damaged) else f"its bytes make no sense ({type(error).__name__})"
        raise InputError(f"The TensorFlow checkpoint {index} cannot be read: {why}. Fetch it again.") from None


@dataclass
class _Values:
    """The data files, each read once."""

    prefix: Path
    count: int
    content: dict[int, bytes] = field(default_factory=dict)

    def read(self, entries: dict[str, _Entry]) -> dict[str, NDArray[np.generic]]:
        return {name: self._variable(name, entry) for name, entry in entries.items()}

    def _variable(self, name: str, entry: _Entry) -> NDArray[np.generic]:
        if entry.dtype not in DTYPES or entry.sliced:
            raise _Damaged(f"{name!r} is not one array of plain numbers (type {entry.dtype})")
        dtype = np.dtype(DTYPES[entry.dtype])
        if entry.size != dtype.itemsize * int(np.prod(entry.shape, dtype=np.int64)):
            raise _Damaged(f"{name!r} of shape {list(entry.shape)} is said to have {entry.size} bytes")
        raw = self._shard(entry.shard)[entry.offset : entry.offset + entry.size]
        if len(raw) != entry.size:
            raise _Damaged(f"its data file ends before {name!r} does")
        if crc32c(raw) != _unmasked(entry.crc):
            raise _Damaged(f"the checksum of {name!r} is wrong")
        return np.frombuffer(raw, dtype).reshape(entry.shape)

    def _shard(self, number: int) -> bytes:
        if not 0 <= number < self.count:
            raise _Damaged(f"it names data file {number} of {self.count}")
        if number not in self.content:
            suffix = f".data-{number:05d}-of-{self.count:05d}"
            path = _beside(self.prefix, suffix)
            if not path.is_file():
                raise _Damaged(f"{path.name} is missing beside it")
            self.content[number] = path.read_bytes()
        return self.content[number]


def _entries(table: bytes) -> Iterator[tuple[str, bytes]]:
    """(key, value) of a table file, in order."""
    if len(table) < FOOTER or int.from_bytes(table[-8:], "little") != MAGIC:
        raise _Damaged("it is cut off or no index of a checkpoint")
    footer = table[-FOOTER:]
    _, at = _varint(footer, 0)
    _, at = _varint(footer, at)
    start, at = _varint(footer, at)
    size, at = _varint(footer, at)
    for _, handle in _block(table, start, size):
        begin, after = _varint(handle, 0)
        length, _ = _varint(handle, after)
        for key, value in _block(table, begin, length):
            yield key.decode("utf-8"), value


def _block(table: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The entries of one block; keys share their beginnings with the key before."""
    trailer = table[start + size : start + size + 5]
    if len(trailer) != 5 or size < 4:
        raise _Damaged("it is cut off")
    if trailer[0] != 0:
        raise _Damaged("it is compressed")
    if crc32c(table[start : start + size + 1]) != _unmasked(int.from_bytes(trailer[1:], "little")):
        raise _Damaged("a checksum in it is wrong")
    block = table[start : start + size]
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length


def _entry(value: bytes) -> _Entry:
    found = _fields(value)
    shape = []
    for message in found.get(2, []):
        for dim in _fields(_bytes(message)).get(2, []):
            shape.append(int(_fields(_bytes(dim)).get(1, [0])[0]))
    numbers = {number: int(found.get(number, [0])[0]) for number in (1, 3, 4, 5, 6)}
    return _Entry(numbers[1], tuple(shape), numbers[3], numbers[4], numbers[5], numbers[6], bool(found.get(7)))


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """Field number -> values of a protocol buffer message: numbers, or the bytes of what is nested."""
    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            number, at = _varint(message, at)
            found.setdefault(tag >> 3, []).append(number)
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise _Damaged(f"it holds a field of the unknown kind {kind}")
        raw = message[at : at + length]
        if len(raw) != length:
            raise _Damaged("it is cut off")
        found.setdefault(tag >> 3, []).append(raw if kind == 2 else int.from_bytes(raw, "little"))
        at += length
    return found


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise _Damaged("a shape in it is a number")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, seven bits a byte, lowest first, and where the next begins."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return number, at
        shift += 7
        if shift > 63:
            raise _Damaged("a number in it is too long")


def _unmasked(stored: int) -> int:
    """The checksum behind a stored one: it is kept turned by 15 bits, with a constant added."""
    turned = (stored - MASK_DELTA) & 0xFFFFFFFF
    return (turned >> 17 | turned << 15) & 0xFFFFFFFF


def _without_index(path: Path) -> Path:
    name = path.name.removesuffix(".index")
    return path.with_name(name) if name else path.parent


def _index_file(prefix: Path) -> Path:
    return _beside(prefix, ".index")


def _beside(prefix: Path, suffix: str) -> Path:
    # A prefix that is a folder stands for the nameless files in it.
    return prefix / suffix if prefix.is_dir() else Path(f"{prefix}{suffix}")
