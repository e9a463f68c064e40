"""Files written whole or not at all, whenever a kill comes, and one writer at a time."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from filelock import FileLock, Timeout

from fmn.errors import InputError, NotWritten

TEMPORARY = ".tmp-"
"""What the name of a half-written file begins with."""

AGAIN = "run the same command again: what is finished is kept."
FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
LIMITS = (errno.EFBIG, errno.EIO)
_NUMBER = re.compile(r"(?:os error|errno =|\[Errno) (\d+)")  # as Rust, HDF5 and Python put it into their words
_SHORT = re.compile(r"\d+ requested and \d+ written")  # NumPy's, of a file that did not take all


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
    """A temporary path beside `path`, put in its place durably when the block ends well and removed when it does not.

    It keeps the suffix of `path`, which many writers go by.

    Raises:
        NotWritten: the disk is full, for instance.
    """
    with _in_place(path, path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")) as temporary:
        yield temporary


def write_durably(folder: Path, name: str, data: bytes) -> None:
    """Put a file in place whole or not at all; when this returns it is on disk.

    One process at a time writes a file of a name (see `alone`): half written, it has the same name in all.

    Raises:
        NotWritten: the disk is full, for instance.
    """
    with _in_place(folder / name, folder / (TEMPORARY + name)) as temporary:
        temporary.write_bytes(data)


@contextmanager
def _in_place(path: Path, temporary: Path) -> Iterator[Path]:
    try:
        with written(path, temporary):
            yield temporary
            _sync(temporary)
            os.replace(temporary, path)
            sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def written(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """A block that writes `path`, by way of `temporary`: what the system refuses is said in one sentence.

    What fails because of another file goes through as it is.

    Raises:
        NotWritten: the disk is full, a limit or a permission denies it, or the file system is read-only.
    """
    ours = {None, *(os.fspath(each) for each in (path, temporary) if each is not None)}
    try:
        yield
    except NotWritten:
        raise
    except Exception as error:
        number = _number(error)
        named = getattr(error, "filename2", None) or getattr(error, "filename", None)
        mine = os.fsdecode(named) in ours if isinstance(named, str | bytes) else number in (*FULL, *REFUSED, *LIMITS)
        if number is None or not mine:
            raise
        raise NotWritten(refusal(number, os.fspath(path))) from error


def refusal(number: int, name: str) -> str:
    """Why `name` could not be written (or read), from the system's error number, and what to do."""
    where = f": {name}" if name else ""
    if number in FULL:
        return f"The disk is full{where}. Free some space and {AGAIN}"
    if number == errno.EFBIG:
        return f"A file may not become so large here{where}. Raise the limit (ulimit -f), and {AGAIN}"
    if number == errno.EROFS:
        return f"The file system is read-only{where}. Choose another folder, or mount that one for writing."
    if number in REFUSED:
        return f"Permission denied{where}. Choose another folder, or allow this user to use that one."
    return f"{os.strerror(number)}{where}."


def _number(error: Exception) -> int | None:
    """The system's error number: some writers have it in their words alone."""
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and isinstance(number, int):
        return number
    said = str(error)
    if found := _NUMBER.search(said):
        return int(found[1])
    return errno.ENOSPC if _SHORT.search(said) else None


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: without this a rename may be lost with the power."""
    _sync(folder)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left half written. Nobody else may be at the folder (see `alone`)."""
    for left in folder.glob(f"{TEMPORARY}*"):
        left.unlink(missing_ok=True)


def occupied(folder: Path, lock: str) -> bool:
    """Whether a path is no folder, or one that holds more than our `lock` and what killed processes left half written:
    nothing new begins there."""
    if not folder.is_dir():
        return os.path.lexists(folder)
    return any(each.name != lock and not each.name.startswith(TEMPORARY) for each in folder.iterdir())


@contextmanager
def alone(folder: Path, name: str, taken: str) -> Iterator[None]:
    """Hold the lock file `name` of `folder`, which the system frees when the process ends, however that ends.

    Raises InputError with the sentence `taken` when another process holds it, and where somebody else's file has that
    name: ours are empty, and taking one empties it. NotWritten where none can be written.
    """
    if (folder / name).exists() and (folder / name).stat().st_size:
        raise InputError(f"fmn would lock {folder} by a file {name}, which is there and not fmn's. Move it away.")
    lock = FileLock(folder / name, timeout=0)
    try:
        with written(folder / name):
            lock.acquire()
    except Timeout:
        raise InputError(taken) from None
    try:
        yield
    finally:
        lock.release()
