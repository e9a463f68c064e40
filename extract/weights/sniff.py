"""What a file that is no weights file is instead, by its first bytes and its name."""

import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

ZIP = b"PK\x03\x04"
LEGACY = (
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save's magic number before 1.6: the files of 2017 have it
)
HDF5, ARRAY = b"\x89HDF\r\n\x1a\n", b"\x93NUMPY"
TENSORFLOW_INDEX = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # a checkpoint's index ends with LevelDB's magic number
TENSORFLOW_NAME = re.compile(r"\.data-\d{5}-of-\d{5}$|\.ckpt\.(index|meta)$|^checkpoint$")
CUT = "fetch it again (`fmn-weights fetch` goes on where a download stopped)"


@dataclass(frozen=True)
class Finding:
    """`what` completes "the file is ..."; `remedy` is what to do, without a full stop."""

    what: str
    remedy: str


TENSORFLOW = Finding(
    "a TensorFlow checkpoint, which is not read here",
    "take the same weights as a PyTorch file: `fmn-weights fetch i3d-rgb i3d-flow`",
)


def sniff(path: Path) -> Finding | None:
    """What an existing file is, where it is plainly no readable weights file; None where it may be one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024)
        file.seek(max(0, size - len(TENSORFLOW_INDEX)))
        tail = file.read()
    if not size:
        return Finding("empty (0 bytes)", "fetch it again")
    if re.match(rb"\s*<(!doctype|html|head|\?xml)", head, re.IGNORECASE):
        return Finding(
            "a web page, not weights", "fetch the raw file (on GitHub the 'Download raw' link), or `fmn-weights fetch`"
        )
    if head.startswith(b"version https://git-lfs"):
        return Finding("a Git LFS pointer, not the weights", "run `git lfs pull` there, or fetch the raw file")
    if TENSORFLOW_NAME.search(path.name) or tail == TENSORFLOW_INDEX:
        return TENSORFLOW
    if head.startswith(HDF5):
        return Finding("an HDF5 file (Keras or MATLAB), which is not read here", "take the PyTorch file")
    if head.startswith(ARRAY):
        return Finding("a NumPy array, not weights", "take the PyTorch file (an array may be a clip for `--sample`)")
    if is_safetensors(path):
        return Finding(_cut(size), CUT) if size < 8 + struct.unpack("<Q", head[:8])[0] else None
    if any(magic.startswith(head[: len(magic)]) for magic in (ZIP, LEGACY)):
        whole = len(head) > len(LEGACY) and (not head.startswith(ZIP) or _is_zip(path))
        return None if whole else Finding(_cut(size), CUT)
    if len(head) >= 4 and _is_text(head):
        return Finding(f"text, not weights (it begins {_first_line(head)!r})", "fetch it again")
    return Finding(_cut(size), CUT) if size < 64 else None


def is_safetensors(path: Path) -> bool:
    """Whether the file begins as safetensors do: the length of a JSON header, then the header."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] < 100_000_000


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # it says that it goes on on another disk
        return False


def _cut(size: int) -> str:
    return f"cut off ({size:,} bytes, the rest is missing)"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)


def _first_line(head: bytes) -> str:
    return head.decode("utf-8", errors="ignore").strip().split("\n", 1)[0].strip()[:60]
