"""Whether all of a file is there, as far as its headers tell: the bytes that they promise, against those on disk."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .chains import chain_end
from .losses import LAYOUTS, SYNC
from .tags import id3_size

# Sizes that writers to a pipe leave in a RIFF header, because they cannot go back and fill them in: FFFFFFFF, 7FFFF000,
# 7FFFFFFF, 80000000 and these less some header, or 0.
NEAR = 1 << 16
OGG_PAGE = 27 + 255 + 255 * 255  # bytes that a page has at most


@dataclass(frozen=True)
class Promise:
    """missing: bytes that the headers promise and the file does not have, 0 where all are there or nothing is promised.

    endless: the header leaves the length open, so that the sound ends with the file.
    """

    missing: int = 0
    endless: bool = False


def promise(path: str | Path, formats: set[str]) -> Promise:
    """What a file of these FFmpeg formats promises, as far as it is known here."""
    size = os.stat(path).st_size
    with open(path, "rb") as file:
        if formats & {"wav", "avi"}:
            return _riff(file, size)
        if "matroska" in formats:
            return Promise(max(0, _segment_end(file) - size))
        if "flv" in formats:
            return Promise(0 if _ends_with_tag(file, size) else 1)
        if "gif" in formats:
            return Promise(0 if _has_trailer(file.read()) else 1)
        if "mp3" in formats:
            return Promise(max(0, _mp3_end(file) - size, chain_end(file, size, formats) - size))
        if "mpegts" in formats:
            return Promise(_cut_packet(file, size))
        if "ogg" in formats:
            return Promise(max(0, _ogg_end(file, size) - size))
        return Promise(max(0, chain_end(file, size, formats) - size))


def _riff(file: BinaryIO, size: int) -> Promise:
    """Of wav and AVI: the chunk with the media. RF64 has its size in another chunk."""
    long_size = 0
    form = file.read(12)[:4]
    while len(head := file.read(8)) == 8:
        name, length = head[:4], struct.unpack(">I" if form == b"RIFX" else "<I", head[4:])[0]
        at = file.tell()
        kind = file.read(4) if name == b"LIST" else b""
        if name == b"ds64":
            long_size = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        if name == b"data" or kind == b"movi":
            if form == b"RF64" and length == 0xFFFFFFFF:
                length = long_size
            endless = length == 0 or length >= 1 << 63 or any(abs(length - most) <= NEAR for most in (1 << 31, 1 << 32))
            if endless and at + length > size:
                return Promise(endless=True)
            return Promise(max(0, at + length - size), length == 0)
        file.seek(at + length + length % 2)
    return Promise()


def _segment_end(file: BinaryIO) -> int:
    """Of Matroska and WebM: where the segment ends; 0 where its size is unknown, as in live recordings."""
    file.read(4)  # the mark of the EBML header
    header = _ebml_size(file)
    if header is None:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    length = _ebml_size(file)
    return 0 if length is None else file.tell() + length


def _ebml_size(file: BinaryIO) -> int | None:
    """A number of 1 to 8 bytes, whose first bits say how many; None for "unknown", all ones."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(width - 1), "big") & (1 << 7 * width) - 1
    return None if value == (1 << 7 * width) - 1 else value


def _ends_with_tag(file: BinaryIO, size: int) -> bool:
    """Of FLV: whether the length at its end is that of a whole tag before."""
    file.seek(max(0, size - 4))
    length = int.from_bytes(file.read(4), "big")
    if not 11 <= length <= size - 13:
        return False
    file.seek(size - 4 - length)
    head = file.read(4)
    return head[0] & 31 in (8, 9, 18) and int.from_bytes(head[1:], "big") + 11 == length


def _has_trailer(data: bytes) -> bool:
    """Of a GIF: whether its blocks lead to the one that ends it."""
    at = 13 + _table(data[10:11])
    while at < len(data):
        block = data[at]
        if block == 0x3B:
            return True
        if block == 0x21:
            at += 2
        elif block == 0x2C:
            at += 11 + _table(data[at + 9 : at + 10])
        elif block == 0:  # some writers fill up
            at += 1
            continue
        else:
            return False
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return False


def _table(flags: bytes) -> int:
    """Bytes of a GIF's colour table."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _mp3_end(file: BinaryIO) -> int:
    """Of mp3: where its first frame, which may be a table of contents, says that the sound ends; 0 where it is none."""
    start = 0
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        start = id3_size(head)
    file.seek(start)
    frame = file.read(192)
    if len(frame) < 192 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return 0
    if frame[36:40] == b"VBRI":
        return start + int(struct.unpack_from(">I", frame, 46)[0])
    mono = frame[3] >> 6 == 3
    at = 4 + ((17 if mono else 32) if frame[1] & 0x08 else (9 if mono else 17))
    name, flags = struct.unpack_from(">4sI", frame, at)
    if name not in (b"Xing", b"Info") or not flags & 2:
        return 0
    return start + int(struct.unpack_from(">I", frame, at + 8 + 4 * (flags & 1))[0])


def _cut_packet(file: BinaryIO, size: int) -> int:
    """Of MPEG-TS: what the last packet lacks."""
    head = file.read(1024)
    for length, first in LAYOUTS:
        if all(head[at] == SYNC for at in range(first, min(len(head), 5 * length), length)):
            rest = size % length
            file.seek(size - rest + first)
            return length - rest if file.read(1) == bytes([SYNC]) else 0
    return 0


def _ogg_end(file: BinaryIO, size: int) -> int:
    """Of Ogg: where the last page ends."""
    file.seek(max(0, size - 2 * OGG_PAGE))
    base, data = file.tell(), file.read()
    at = data.rfind(b"OggS\0")
    if at < 0:
        return 0
    if at + 27 > len(data):
        return size + 1
    table = data[at + 27 : at + 27 + data[at + 26]]
    return base + at + 27 + data[at + 26] + sum(table)
