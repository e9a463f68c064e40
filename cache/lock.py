"""One writer a cache at a time."""

from pathlib import Path

from filelock import FileLock, Timeout

from fmn.errors import InputError


def writer_lock(folder: Path) -> FileLock:
    """Take the cache's writer lock, which the system frees when its process ends, however that ends.

    Raises InputError when another writer holds it.
    """
    lock = FileLock(folder / ".writer.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"Another process is writing to the cache {folder}: one writer at a time. Wait until it ends, or write to "
            f"another folder."
        ) from error
    return lock
