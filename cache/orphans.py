"""What a killed writer leaves behind: half-written files, and shards that no index names."""

import os
from pathlib import Path

import h5py

from fmn.files import TEMPORARY

from .index import Index
from .layout import INDEX, SHARD_NAME, shard_files


def orphans(folder: Path, index: Index) -> list[str]:
    """Return the names of fmn's own files that the index does not name.

    A file that happens to have a shard's name but was not written by fmn is none of them: it is somebody's.
    """
    named = {entry.file for entry in index.shards}
    unnamed = (name for name in shard_files(folder) if name not in named)
    return [*_half_written(folder), *(name for name in unnamed if _is_ours(folder / name))]


def sweep(folder: Path, index: Index) -> list[str]:
    """Delete the orphans and return their names. The caller holds the writer lock."""
    swept = orphans(folder, index)
    for name in swept:
        (folder / name).unlink()
    return swept


def _half_written(folder: Path) -> list[str]:
    names = (entry.name for entry in os.scandir(folder) if entry.is_file() and entry.name.startswith(TEMPORARY))
    meant = ((name, name.removeprefix(TEMPORARY)) for name in names)
    return sorted(name for name, of in meant if of == INDEX or SHARD_NAME.fullmatch(of))


def _is_ours(path: Path) -> bool:
    try:
        with h5py.File(path, "r", locking=False) as file:
            return str(file.attrs.get("tool", "")).startswith("fmn ")
    except (OSError, RuntimeError, ValueError):
        return False
