"""What a killed writer leaves behind: half-written files, and shards that no index names."""

from pathlib import Path

import h5py

from .index import Index
from .layout import shard_files, temporary_files


def orphans(folder: Path, index: Index) -> list[str]:
    """Return the names of fmn's own files that the index does not name.

    A file that happens to have a shard's name but was not written by fmn is none of them: it is somebody's.
    """
    named = {entry.file for entry in index.shards}
    unnamed = (name for name in shard_files(folder) if name not in named)
    return [*temporary_files(folder), *(name for name in unnamed if _is_ours(folder / name))]


def sweep(folder: Path, index: Index) -> list[str]:
    """Delete the orphans and return their names. The caller holds the writer lock."""
    swept = orphans(folder, index)
    for name in swept:
        (folder / name).unlink()
    return swept


def _is_ours(path: Path) -> bool:
    try:
        with h5py.File(path, "r", locking=False) as file:
            return str(file.attrs.get("tool", "")).startswith("fmn ")
    except (OSError, RuntimeError, ValueError):
        return False
