"""The names of the files in a cache folder, and how they are written: whole or not at all, whenever a kill comes."""

import os
import re
from collections.abc import Collection
from pathlib import Path

from fmn import __version__
from fmn.files import TEMPORARY

SCHEMA = 1
TOOL = f"fmn {__version__}"
INDEX = "index.json"
SHARD_ITEMS = 256
SHARD_NAME = re.compile(r"(?P<modality>video|audio)-(?P<encoder>[a-z0-9][a-z0-9_.+-]*)-(?P<number>[0-9]{5,9})\.h5")


def shard_name(modality: str, encoder: str, number: int) -> str:
    """Return the file name of a shard, such as video-i3d-00001.h5."""
    return f"{modality}-{encoder}-{number:05d}.h5"


def shard_files(folder: Path) -> list[str]:
    """Return the names in the folder that a shard could have, sorted; other files are none of our business."""
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and SHARD_NAME.fullmatch(entry.name))


def temporary_files(folder: Path) -> list[str]:
    """Return the names of the files that a killed writer left half written, sorted."""
    names = (entry.name for entry in os.scandir(folder) if entry.is_file() and entry.name.startswith(TEMPORARY))
    return sorted(name for name in names if _is_cache_name(name.removeprefix(TEMPORARY)))


def next_number(folder: Path, taken: Collection[str] = ()) -> int:
    """Return a shard number above all that stand in the folder or in `taken`."""
    matches = (SHARD_NAME.fullmatch(name) for name in (*shard_files(folder), *taken))
    return 1 + max((int(match["number"]) for match in matches if match), default=0)


def _is_cache_name(name: str) -> bool:
    return name == INDEX or SHARD_NAME.fullmatch(name) is not None
