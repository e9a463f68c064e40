"""Files written whole or not at all, whenever a kill comes, and one writer at a time."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from filelock import FileLock, Timeout

from fmn.errors import InputError

TEMPORARY = ".tmp-"
"""What the name of a half-written file begins with."""


def read_whole(path: Path, most: int = 1 << 40) -> bytes:
    """The bytes of a regular file. Never waits, as opening a pipe would: OSError for what is no regular file, or larger
    than `most` bytes."""
    with open_whole(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
        return file.read()


def open_whole(path: Path) -> BufferedReader:
    """A regular file, opened for reading its bytes (see `read_whole`)."""
    return open(path, "rb", opener=_regular)


def _regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", path)
    return descriptor


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, put in its place when the block ends well and removed when it does not.

    It keeps the suffix of `path`, which many writers go by. What stands there is not yet durable: `write_durably` is.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_durably(folder: Path, name: str, data: bytes) -> None:
    """Put a file in place whole or not at all; when this returns it is on disk. Raises OSError (disk full ...).

    One process at a time writes a file of a name (see `alone`): half written, it has the same name in all.
    """
    temporary = folder / (TEMPORARY + name)
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: without this a rename may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path, name: str, taken: str) -> Iterator[None]:
    """Hold the lock file `name` of `folder`, which the system frees when the process ends, however that ends.

    Raises InputError with the sentence `taken` when another process holds it.
    """
    lock = FileLock(folder / name, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(taken) from None
    try:
        yield
    finally:
        lock.release()
