"""Opening a media file, or saying in one sentence why it cannot be opened."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import av.logging
from av.container import InputContainer

from fmn.errors import BadItem

# Playlists may name other places; a clip in somebody's archive must not make this machine call them.
LOCAL_ONLY = {"protocol_whitelist": "file"}
# These demuxers leave out what they cannot read, say so in FFmpeg's log only, and go on with the next part.
LEAVE_OUT = {"matroska,webm", "flv"}

av.logging.set_level(av.logging.ERROR)
av.logging.set_skip_repeated(False)  # the same file may be read twice by one process
logging.getLogger("libav").addHandler(logging.NullHandler())  # the user is told in sentences instead


@contextmanager
def opened(path: str | Path) -> Iterator[InputContainer]:
    """The PyAV input container of a media file, closed afterwards.

    Raises:
        BadItem: the file is missing, a folder, empty, unreadable, damaged where it begins, or no media file.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise BadItem(f"{path}: the file does not exist.") from None
    except OSError as error:
        raise BadItem(f"{path}: cannot be read ({error.strerror}).") from None
    if file.is_dir():
        raise BadItem(f"{path}: is a folder, not a media file.")
    if size == 0:
        raise BadItem(f"{path}: the file is empty (0 bytes).")
    try:
        # FFmpeg takes "name:rest" for a protocol; an absolute path never reads as one.
        with av.logging.Capture() as log:
            container = av.open(str(file.absolute()), options=LOCAL_ONLY, metadata_errors="replace")
    except PermissionError as error:
        raise BadItem(f"{path}: cannot be read ({reason(error)}).") from None
    except (av.error.FFmpegError, ValueError) as error:
        raise BadItem(f"{path}: is not a media file that can be read ({size} bytes; {reason(error)}).") from None
    with container:
        if container.format.name == "tty":  # FFmpeg would film a terminal that shows the text
            raise BadItem(f"{path}: is a text file, not a media file.")
        if left_out(log):
            raise BadItem(f"{path}: is damaged (some of its first seconds cannot be read).")
        yield container


def left_out(log: Sequence[tuple[int, str, str]]) -> bool:
    """Whether a captured log tells of parts of a file that were left out."""
    return any(name in LEAVE_OUT for _, name, _ in log)


def reason(error: Exception) -> str:
    """FFmpeg's own words for an error, without its number and its function names."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")
