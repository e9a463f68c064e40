"""Media that lie elsewhere than in a folder: an address of an object store or a server, through fsspec."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from fsspec.core import url_to_fs
from fsspec.registry import get_filesystem_class
from fsspec.spec import AbstractFileSystem

from fmn.errors import InputError, first_line
from fmn.install import hint
from fmn.media import UNUSUAL_SUFFIXES, Below, is_url

EXTRAS = {"s3": "s3", "gs": "gs", "http": "http", "https": "http", "file": "", "memory": ""}
"""Scheme -> the extra of setup.cfg that its library comes with, "" where none is needed. Others are refused: a manifest
from elsewhere must not make this machine run what it names (fsspec knows shells, archives and chains of both).
`memory` is this process's own, which workers do not share."""
NO_LISTING = ("http", "https")


@dataclass(frozen=True)
class Stated:
    """What a store says of a file. size: bytes, None where it does not say. version: changes when the content does;
    of equal text for copies where the store has checksums (ETag)."""

    size: int | None
    version: str


def check_stores(paths: Iterable[str]) -> None:
    """Raise InputError where one of the paths is the address of an unknown kind, or its library is not installed."""
    for scheme in sorted({path.split("://")[0] for path in paths if is_url(path)}):
        _check(scheme)


def store_of(url: str) -> tuple[AbstractFileSystem, str]:
    """The store of an address, with the user's own credentials, and the file's name in it. InputError as above."""
    _check(url.split("://")[0])
    if "::" in url:
        raise InputError(
            f"An address names one file; {url} chains several with '::'. Put the file itself into a store."
        )
    store, name = url_to_fs(url)
    return store, str(name)


def stated(url: str) -> Stated:
    """What the store says of a file.

    Raises:
        InputError: an address of an unknown kind, or without its library.
        Exception: whatever the store raises where the file is not to be had; FileNotFoundError when it is not there.
    """
    store, name = store_of(url)
    about = store.info(name)
    if about.get("type") == "directory":
        raise IsADirectoryError(f"{url} is a folder")
    size = about.get("size")
    return Stated(None if size is None else int(size), _version(url, about))


def stated_in_folders(url: str) -> Stated:
    """`stated`, for many files of few folders: a store that lists them tells of a thousand at once."""
    folder, _, _ = url.rpartition("/")
    _listed(folder)
    return stated(url)


def store_files(root: str, suffixes: frozenset[str]) -> Below:
    """The files of these suffixes below an address, as `fmn.media.files_below` of a folder."""
    if root.split("://")[0] in NO_LISTING:
        raise InputError(f"A server has no list of its files for programs: name those of {root} in a manifest.")
    store, name = store_of(root)
    try:
        found = sorted(store.find(name))
    except Exception as error:
        raise InputError(f"{root} cannot be listed: {why(error)}.") from None
    if not found:
        raise InputError(f"There is no file below {root}.")
    start = len(name.rstrip("/")) + 1
    relative = [path[start:] for path in found]
    shown = [path for path in relative if path and not any(part.startswith(".") for part in path.split("/"))]
    kinds = {path: PurePosixPath(path).suffix.lower() for path in shown}
    others = [path for path in shown if kinds[path] not in suffixes]
    unusual = [path for path in others if kinds[path] in UNUSUAL_SUFFIXES]
    return Below([path for path in shown if kinds[path] in suffixes], len(others), unusual=unusual)


def why(error: Exception) -> str:
    """What a store's error says, in a phrase."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if isinstance(error, PermissionError):
        return f"the store does not let you ({first_line(error)})"
    if isinstance(error, TimeoutError):
        return "the store did not answer in time"
    return f"{type(error).__name__}: {first_line(error)}".rstrip(".: ")


def _check(scheme: str) -> None:
    if scheme not in EXTRAS:
        raise InputError(f"Media have a path or an address that begins with {', '.join(EXTRAS)}; got {scheme}://.")
    try:
        get_filesystem_class(scheme)
    except ImportError as error:
        raise InputError(
            f"Media of {scheme}:// need a library that is not installed ({first_line(error).rstrip('.')}): "
            f"{hint(EXTRAS[scheme])}."
        ) from None


def _version(url: str, about: Mapping[str, Any]) -> str:
    """An ETag is made from the content alone and is the same for copies; else the name and the time have to do."""
    size = about.get("size")
    for name in ("ETag", "etag", "md5Hash"):
        if about.get(name):
            return f"{size} {about[name]}"
    for name in ("mtime", "LastModified", "updated", "created"):
        if about.get(name):
            return f"{size} {about[name]} {url}"
    return f"{size} {url}"


@lru_cache(maxsize=100_000)
def _listed(folder: str) -> None:
    """Have a store remember what lies in a folder, so that it is not asked for each file."""
    if folder.split("://")[0] in NO_LISTING:
        return
    store, name = store_of(f"{folder}/")
    with suppress(Exception):  # what is not there is said of each file
        store.ls(name, detail=True)
