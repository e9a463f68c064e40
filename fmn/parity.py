"""What heals a file of which a part was damaged: the exclusive or of its blocks, in a hidden folder beside it.

A file is cut into at most 64 blocks, and its parity is as long as one of them: whichever block is damaged follows from
the others and the parity. Which one it is the file's checksum tells, so none is kept here.
"""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fmn.files import open_whole, read_whole, replacing, write_durably

FOLDER = ".parity"
BLOCKS = 64
LEAST = 4096  # bytes of a block: smaller files have one, and their parity is a copy
_SIZE = struct.Struct("<Q")

Bytes = npt.NDArray[np.uint8]


def write_healable(path: Path, data: bytes) -> None:
    """Put a file in place durably, and its parity beside it. Raises NotWritten when the disk is full, for instance."""
    write_durably(path.parent, path.name, data)
    _keep(path, np.frombuffer(data, np.uint8))


def write_parity(path: Path) -> None:
    """Keep the parity of a file that is there. Raises OSError."""
    _keep(path, np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8))


def has_parity(path: Path) -> bool:
    """Whether there is one."""
    return (path.parent / FOLDER / path.name).is_file()


def remove_parity(path: Path) -> None:
    """Forget the parity of a file that is gone."""
    (path.parent / FOLDER / path.name).unlink(missing_ok=True)


def fits(path: Path, data: bytes) -> bool:
    """Whether a file's parity is that of its bytes; a file that was written before parities has none, and that fits."""
    try:
        return read_whole(path.parent / FOLDER / path.name) == _parity(np.frombuffer(data, np.uint8))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def healed(path: Path, sound: Callable[[bytes], bool]) -> bytes | None:
    """The bytes that a damaged file had, which `sound` knows; None where more than a block of it is damaged."""
    try:
        kept = read_whole(path.parent / FOLDER / path.name)
        if len(kept) < _SIZE.size:
            return None
        (size,) = _SIZE.unpack(kept[: _SIZE.size])
        with open_whole(path) as file:
            if len(kept) != _SIZE.size + _block(size) or size > 2 * os.fstat(file.fileno()).st_size + LEAST:
                return None  # it says what cannot be: nothing is read, or set aside for it
            found = file.read(size)
    except OSError:
        return None
    rows = _rows(np.frombuffer(found.ljust(size, b"\0"), np.uint8)).copy()
    error = np.bitwise_xor.reduce(rows, axis=0) ^ np.frombuffer(kept, np.uint8, offset=_SIZE.size)
    for row in rows:
        row ^= error
        candidate = rows.tobytes()[:size]
        if sound(candidate):
            return candidate
        row ^= error
    return None


def _keep(path: Path, data: Bytes) -> None:
    place = path.parent / FOLDER / path.name
    place.parent.mkdir(exist_ok=True)
    with replacing(place) as temporary:
        temporary.write_bytes(_parity(data))


def _block(size: int) -> int:
    return max(LEAST, -(-size // BLOCKS))


def _rows(data: Bytes) -> Bytes:
    """[blocks, size of a block], the last one filled up with zeros."""
    block = _block(len(data))
    whole = np.zeros((max(1, -(-len(data) // block)), block), np.uint8)
    whole.reshape(-1)[: len(data)] = data
    return whole


def _parity(data: Bytes) -> bytes:
    block = _block(len(data))
    full = len(data) // block
    parity = np.bitwise_xor.reduce(data[: full * block].reshape(full, block), axis=0) if full else np.zeros(block, "u1")
    parity[: len(data) - full * block] ^= data[full * block :]
    return _SIZE.pack(len(data)) + parity.tobytes()
