"""safetensors files that carry their own checksum in their header."""

import hashlib
import io
import json
import re
import struct
from pathlib import Path
from typing import BinaryIO

from fmn.files import open_whole
from fmn.parity import write_healable

KEY = "sha256"
BLANK = "0" * 64
_SEAL = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_MOST_HEADER = 100_000_000  # bytes: what the format allows
_PIECE = 1 << 20


def write_sealed(path: Path, data: bytes) -> None:
    """Write the bytes of a file that has `KEY: BLANK` in its metadata, with its checksum there and its parity by it.

    Raises NotWritten when the disk is full, for instance.
    """
    _, place = _header(io.BytesIO(data))
    assert place is not None
    digest = hashlib.sha256(data).hexdigest().encode("ascii")
    write_healable(path, data[:place] + digest + data[place + len(BLANK) :])


def check_seal(path: Path) -> bool:
    """Whether a file has a checksum; those written before have none.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is another one than that of its bytes, or the file is no safetensors file. The text is a phrase.
    """
    with open_whole(path) as file:
        return _checked(file)


def is_sealed(data: bytes) -> bool:
    """Whether these are the bytes of a file with its checksum."""
    try:
        return _checked(io.BytesIO(data))
    except ValueError:
        return False


def shapes(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name -> type (as the format calls it) and shape of every tensor, read without any of their values."""
    with open_whole(path) as file:
        header, _ = _header(file)
    try:
        found = json.loads(header[8:])
        return {
            name: (str(each["dtype"]), tuple(map(int, each["shape"])))
            for name, each in found.items()
            if name != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("its header is no list of tensors") from None


def _checked(file: BinaryIO) -> bool:
    header, place = _header(file)
    if place is None:
        return False
    if _digest(file, header, place).encode("ascii") != header[place : place + len(BLANK)]:
        raise ValueError("it was changed after it was written: its sha256 is not the one that its header says")
    return True


def _header(file: BinaryIO) -> tuple[bytes, int | None]:
    """The length and the header as they stand at the file's beginning, and where the checksum is in them."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    length = file.read(8)
    count = struct.unpack("<Q", length)[0] if len(length) == 8 else 0
    if not 2 <= count <= min(_MOST_HEADER, size - 8):
        raise ValueError("it does not begin with the header of a safetensors file")
    header = length + file.read(count)
    found = _SEAL.search(header)
    return header, found.start(1) if found else None


def _digest(file: BinaryIO, header: bytes, place: int) -> str:
    """sha256 of the file with BLANK in the checksum's place."""
    digest = hashlib.sha256(header[:place] + BLANK.encode("ascii") + header[place + len(BLANK) :])
    file.seek(len(header))
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()
