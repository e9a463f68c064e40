"""Opening a media file, or saying in one sentence why it cannot be opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av

from fmn.errors import BadItem

# Playlists may name other places; a clip in somebody's archive must not make this machine call them.
LOCAL_ONLY = {"protocol_whitelist": "file"}


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """The PyAV input container of a media file, closed afterwards.

    Raises:
        BadItem: the file is missing, a folder, empty, unreadable, or nothing that FFmpeg knows.
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
        container = av.open(str(file.absolute()), options=LOCAL_ONLY, metadata_errors="replace")
    except PermissionError:
        raise BadItem(f"{path}: cannot be read (permission denied).") from None
    except (av.error.FFmpegError, ValueError) as error:
        raise BadItem(f"{path}: is not a media file that can be read ({size} bytes; {reason(error)}).") from None
    with container:
        yield container


def reason(error: Exception) -> str:
    """FFmpeg's own words for an error, without its number and its function names."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")
