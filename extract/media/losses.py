"""Whether packets were lost inside a file: MPEG-TS counts those of each stream, Ogg its pages."""

import struct
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from .tags import id3_size

SYNC = 0x47
LAYOUTS = ((188, 0), (192, 4), (204, 0))  # of MPEG-TS: (bytes a packet with what surrounds it, where the packet begins)


def loss(path: str | Path, formats: set[str], stream: int) -> bool:
    """Whether a file lacks packets of a stream (FFmpeg's id), as far as its counters tell; False for other formats."""
    if "mpegts" in formats:
        return _packets_lost(path, stream)
    return "ogg" in formats and _pages_lost(path)


def _packets_lost(path: str | Path, stream: int) -> bool:
    data = np.memmap(path, np.uint8, "r")
    layout = next((each for each in LAYOUTS if (data[each[1] : 4 * each[0] : each[0]] == SYNC).all()), None)
    if layout is None:
        return False  # it begins within a packet, as recordings of a broadcast do; nothing is known then
    length, first = layout
    count = len(data) // length
    head = np.array(data[: count * length].reshape(count, length)[:, first : first + 6]).astype(np.uint16)
    if (head[:, 0] != SYNC).any():
        return True
    number, begins = (head[:, 1] & 0x1F) << 8 | head[:, 2], (head[:, 1] & 0x40) > 0
    adapts, carries = (head[:, 3] & 0x20) > 0, (head[:, 3] & 0x10) > 0
    told = (number == stream) & adapts & (head[:, 4] > 0) & ((head[:, 5] & 0x80) > 0)  # that the counter jumps
    own = np.flatnonzero((number == stream) & carries)
    step = np.diff(head[own, 3] & 0x0F) % 16
    jumps = step > 1  # 0 is a packet sent twice
    jumps &= np.diff(np.cumsum(told)[own]) == 0
    # Where files were joined the table of programmes stands, and the next packet begins a new frame.
    joined = (np.diff(np.cumsum(number == 0)[own]) > 0) & begins[own[1:]]
    return bool((jumps & ~joined).any())


def _pages_lost(path: str | Path) -> bool:
    numbers: dict[tuple[bytes, int], list[int]] = {}  # a stream's pages; one that begins anew was joined to the last
    begun: Counter[bytes] = Counter()
    with open(path, "rb") as file:
        if (tag := file.read(10))[:3] == b"ID3":
            file.seek(id3_size(tag))
        else:
            file.seek(0)
        while len(head := file.read(27)) == 27:
            if head[:4] != b"OggS":
                return b"OggS" in head + file.read()  # what stands behind the last page is no sound
            serial = head[14:18]
            begun[serial] += head[5] >> 1 & 1
            numbers.setdefault((serial, begun[serial]), []).append(struct.unpack_from("<I", head, 18)[0])
            file.seek(sum(file.read(head[26])), 1)
    # Some writers leave the number at 0.
    return any(any(b - a != 1 for a, b in pairwise(each)) and any(each) for each in numbers.values())
