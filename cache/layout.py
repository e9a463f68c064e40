"""The names of the files in a cache folder, and the one process that may write them."""

import os
import re
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path

from fmn import __version__
from fmn.files import alone

SCHEMA = 1
TOOL = f"fmn {__version__}"
INDEX = "index.json"
MANIFEST = "manifest.csv"  # what the cache's items were, written by fmn-extract
SHARD_ITEMS = 256
SHARD_NAME = re.compile(r"(?P<modality>video|audio)-(?P<encoder>[a-z0-9][a-z0-9_.+-]*)-(?P<number>[0-9]{5,9})\.h5")


def one_writer(folder: Path) -> AbstractContextManager[None]:
    """Hold the cache for writing. Raises InputError on entry when another process does."""
    return alone(
        folder,
        ".writer.lock",
        f"Another process is writing to the cache {folder}: one writer at a time. Wait until it ends, or write to "
        f"another folder.",
    )


def shard_name(modality: str, encoder: str, number: int) -> str:
    """Return the file name of a shard, such as video-i3d-00001.h5."""
    return f"{modality}-{encoder}-{number:05d}.h5"


def shard_files(folder: Path) -> list[str]:
    """Return the names in the folder that a shard could have, sorted; other files are none of our business."""
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and SHARD_NAME.fullmatch(entry.name))


def next_number(folder: Path, taken: Collection[str] = ()) -> int:
    """Return a shard number above all that stand in the folder or in `taken`."""
    matches = (SHARD_NAME.fullmatch(name) for name in (*shard_files(folder), *taken))
    return 1 + max((int(match["number"]) for match in matches if match), default=0)
