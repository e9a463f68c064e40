"""What a killed writer leaves behind: half-written files, and shards that no index names."""

import os
from pathlib import Path

from fmn.files import TEMPORARY, read_whole
from fmn.parity import FOLDER, remove_parity

from .index import Index
from .layout import INDEX, SHARD_NAME, shard_files
from .shard import NUMBERS, TEXT

# What stands in the bytes of every shard: its columns, an attribute of it, and the tool that made it.
MOST_BYTES = 1 << 30  # of a shard that may be ours: 256 vectors and their texts
_SIGNATURE, _OURS = b"\x89HDF\r\n\x1a\n", tuple(name.encode() for name in (*TEXT, *NUMBERS, "fingerprint", "fmn "))


def orphans(folder: Path, index: Index) -> list[str]:
    """Return the names of fmn's own files that the index does not name.

    A file that happens to have a shard's name but was not written by fmn is none of them: it is somebody's.
    """
    named = {entry.file for entry in index.shards}
    unnamed = (name for name in shard_files(folder) if name not in named)
    return [*_half_written(folder), *(name for name in unnamed if _is_ours(folder / name))]


def sweep(folder: Path, index: Index) -> list[str]:
    """Delete the orphans and return their names; parities of shards that are gone go too. The caller holds the lock."""
    swept = orphans(folder, index)
    for name in swept:
        (folder / name).unlink()
    kept = {entry.file for entry in index.shards}
    if (folder / FOLDER).is_dir():
        for entry in list(os.scandir(folder / FOLDER)):
            left = entry.name.startswith(TEMPORARY) or SHARD_NAME.fullmatch(entry.name)
            if left and entry.name not in kept:
                remove_parity(folder / entry.name)
    return swept


def _half_written(folder: Path) -> list[str]:
    names = (entry.name for entry in os.scandir(folder) if entry.is_file() and entry.name.startswith(TEMPORARY))
    meant = ((name, name.removeprefix(TEMPORARY)) for name in names)
    return sorted(name for name, of in meant if of == INDEX or SHARD_NAME.fullmatch(of))


def _is_ours(path: Path) -> bool:
    """Told by the bytes: HDF5 itself is not safe against files that nobody vouches for."""
    try:
        data = read_whole(path, MOST_BYTES)
    except OSError:
        return False
    return data.startswith(_SIGNATURE) and all(each in data for each in _OURS)
