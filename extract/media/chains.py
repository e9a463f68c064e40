"""Files that are a chain of parts, each of which bears its own length: where the last one ends.

A file that ends before is cut; one that is cut exactly between two parts cannot be told from a whole one.
"""

import re
from collections.abc import Callable
from typing import BinaryIO

from .tags import ID3V1, id3_size

Step = Callable[[bytes], int]
"""The first bytes of a part -> the bytes that it has in all, 0 where it is none."""
HEAD = 24  # bytes of a part that tell its length
LEAST = 6  # that any part has
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
# MPEG audio: thousands of bits a second by (version 1 or not, layer), and hertz by version.
RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
HERTZ = (44100, 48000, 32000)
CHROMA = {"mono": (0, 0), "411": (4, 1), "420": (2, 2), "422": (2, 1), "444": (1, 1)}  # of y4m: samples a sample
AMR = {b"#!AMR\n": (12, 13, 15, 17, 19, 20, 26, 31, 5), b"#!AMR-WB\n": (17, 23, 32, 36, 40, 46, 50, 58, 60, 5)}


def chain_end(file: BinaryIO, size: int, formats: set[str]) -> int:
    """Where the last part of a file of these FFmpeg formats ends; 0 where that is not known.

    So where a part has no length, as in live recordings, or where something else stands between two.
    """
    step, at, first = None, 0, b""
    if "amr" in formats:
        at, step = _amr(file)
    elif "yuv4mpegpipe" in formats:
        at, step = _y4m(file)
    elif "asf" not in formats or not _broadcast(file):
        step = next((step for name, step in STEPS.items() if name in formats), None)
    while step is not None and at < size:
        file.seek(at)
        head = file.read(HEAD)
        length = step(head)
        if length <= 0:
            # What is left may be the first bytes of a part.
            return size + 1 if len(head) < LEAST and head[:1] == first else 0
        first = first or head[:1]
        at += length
    return at


def _amr(file: BinaryIO) -> tuple[int, Step | None]:
    """Where the first frame begins, and a frame's step."""
    file.seek(0)
    head = file.read(16)
    mark = next((mark for mark in AMR if head.startswith(mark)), b"")
    sizes = AMR.get(mark, ())

    def frame(head: bytes) -> int:
        kind = head[0] >> 3 & 15
        return 1 + (sizes[kind] if kind < len(sizes) else 0)  # the others bear nothing

    return len(mark), frame if mark else None


def _y4m(file: BinaryIO) -> tuple[int, Step | None]:
    """The same of raw pictures, all of one size."""
    file.seek(0)
    line = file.readline(1024)
    tags = {word[:1]: word[1:] for word in line.decode("latin-1").split()[1:]}
    chroma = re.fullmatch(r"(mono|411|420|422|444)(?:jpeg|mpeg2|paldv)?(?:p([0-9]+))?", tags.get("C", "420"))
    if chroma is None or not (tags.get("W", "").isdigit() and tags.get("H", "").isdigit()):
        return 0, None
    width, height, (across, down) = int(tags["W"]), int(tags["H"]), CHROMA[chroma[1]]
    samples = width * height + (2 * -(-width // across) * -(-height // down) if across else 0)
    size = samples * (2 if int(chroma[2] or 8) > 8 else 1)
    return len(line), lambda head: head.find(b"\n") + 1 + size if head[:5] == b"FRAME" and b"\n" in head else 0


def _broadcast(file: BinaryIO) -> bool:
    """Whether an ASF file was written while it was sent: its lengths say nothing then."""
    file.seek(0)
    head = file.read(1 << 16)
    at = head.find(ASF_PROPERTIES)
    return at < 0 or bool(int.from_bytes(head[at + 88 : at + 92], "little") & 1)


def _asf_object(head: bytes) -> int:
    length = int.from_bytes(head[16:24], "little")
    return length if length >= HEAD else 0


def _klv(head: bytes) -> int:
    """Of MXF: a key, a length of 1 to 9 bytes, a value."""
    if head[:4] != b"\x06\x0e\x2b\x34" or len(head) < 17:
        return 0
    more = head[16] & 0x7F if head[16] & 0x80 else 0
    length = int.from_bytes(head[17 : 17 + more], "big") if more else head[16]
    return 17 + more + length if more <= 7 and head[16] != 0x80 else 0


def _pack(head: bytes) -> int:
    """Of a programme stream: a pack's header, or a packet of it."""
    if len(head) < 6 or head[:3] != b"\0\0\1":
        return 0
    if head[3] == 0xBA:
        return 12 if head[4] >> 4 == 2 else 14 + (head[13] & 7 if len(head) > 13 else 0)
    return 6 + int.from_bytes(head[4:6], "big") if head[3] > 0xBA else 0


def _mpeg_frame(head: bytes) -> int:
    """Of MPEG audio, or a tag between its frames."""
    if head[:3] == b"ID3" and len(head) >= 10:
        return id3_size(head)
    if head[:3] == b"TAG":
        return ID3V1
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, hertz, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in (0, 15) or hertz == 3:
        return 0
    first = version == 3
    bits = 1000 * RATES[first, layer if first else min(layer, 2)][rate - 1]
    hertz = HERTZ[hertz] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 1:
        return 4 * (12 * bits // hertz + padding)
    return (72 if layer == 3 and not first else 144) * bits // hertz + padding


STEPS: dict[str, Step] = {
    "asf": _asf_object,
    "mxf": _klv,
    "mpeg": _pack,
    "mp3": _mpeg_frame,
}
