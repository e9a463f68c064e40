"""A task over items whose files lie in stores: each is fetched to a temporary file, hashed, used and removed."""

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec.callbacks import Callback

from fmn.cache import Row
from fmn.child import GIB, alive
from fmn.errors import BadItem, InputError
from fmn.item import Item
from fmn.media import is_url
from fmn.stores import stated, store_of, why
from fmn.workers import Task

LARGEST = 64 * GIB  # bytes of a file
SPARE = GIB // 4  # bytes that the temporary folder's disk keeps free
TRIES, PAUSE = 3, 2.0  # for a store that fails for a moment; seconds before the next one, doubled each time
SHA256 = "fetched_sha256"
"""Key in `Item.extra` of a row that was made from a fetched file: the checksum of the file's bytes."""


def any_fetched(items: Sequence[Item]) -> bool:
    """Whether one of the items lies in a store."""
    return any(is_url(item.path) for item in items)


def on_files(task: Task, items: Sequence[Item], folder: Path | None) -> list[Any]:
    """What a task makes of the items, in order; those of stores are fetched into `folder` for it and removed after.

    A BadItem in the place of an item whose file cannot be had. Where several items are parts of one file it is fetched
    once. folder: None where none lies in a store.
    """
    if folder is None:
        return list(task(items))
    here: dict[str, Path | BadItem] = {}
    try:
        for url in dict.fromkeys(item.path for item in items if is_url(item.path)):
            here[url] = _fetch(url, folder)
        files = [here.get(item.path, Path(item.path)) for item in items]
        good = [
            replace(item, path=str(file)) for item, file in zip(items, files, strict=True) if isinstance(file, Path)
        ]
        results = iter(task(good) if good else [])
        return [
            file if isinstance(file, BadItem) else _of_its_address(next(results), item, file)
            for item, file in zip(items, files, strict=True)
        ]
    finally:
        for file in here.values():
            if isinstance(file, Path):
                file.unlink(missing_ok=True)


def _fetch(url: str, folder: Path) -> Path | BadItem:
    """The file that an address names, in `folder`; why it cannot be had, where it cannot."""
    for left in reversed(range(TRIES)):
        try:
            return _fetched(url, folder)
        except (BadItem, FileNotFoundError, PermissionError, IsADirectoryError) as error:
            return error if isinstance(error, BadItem) else BadItem(f"{url}: cannot be fetched ({why(error)}).")
        except InputError as error:  # the store's library is not installed here
            return BadItem(f"{url}: cannot be fetched. {error}")
        except Exception as error:
            if not left:
                return BadItem(f"{url}: cannot be fetched ({why(error)}).")
            for _ in range(round(PAUSE * 2 ** (TRIES - 1 - left))):
                alive()
                time.sleep(1)
    raise AssertionError("unreachable")


def _fetched(url: str, folder: Path) -> Path:
    size = stated(url).size
    if size is None:
        raise BadItem(f"{url}: its store does not say how large it is, so that it cannot be fetched safely.")
    if size > LARGEST:
        raise BadItem(f"{url}: has {size / GIB:.1f} GiB; at most {LARGEST / GIB:.0f} are fetched. Cut it into parts.")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size + SPARE > free:
        raise BadItem(
            f"{url}: has {size / GIB:.2f} GiB, and the disk of {folder} {free / GIB:.2f} free. Give the workers' "
            "temporary folder more room (TMPDIR, or --local-directory of a Dask worker)."
        )
    store, name = store_of(url)
    file = folder / (hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:16] + PurePosixPath(name).suffix)
    try:
        store.get_file(name, str(file), callback=_Bound(url, size))
        held = file.stat().st_size
        if held != size:
            raise OSError(f"{held} of {size} bytes came")
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return file


class _Bound(Callback):  # type: ignore[misc]
    """Hears of each block that came: a sign of life, and no more than the store said."""

    def __init__(self, url: str, most: int) -> None:
        super().__init__()
        self.url, self.most = url, most

    def relative_update(self, inc: int = 1) -> None:
        super().relative_update(inc)
        alive()
        if self.value > self.most:
            raise BadItem(f"{self.url}: more bytes come than its store said ({self.most}).")


def _of_its_address(result: Any, item: Item, file: Path) -> Any:
    """A result that names its item and not the temporary file; rows keep the file's checksum."""
    if not is_url(item.path):
        return result
    if isinstance(result, BadItem):
        return BadItem(str(result).replace(str(file), item.path))
    if isinstance(result, Row):
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return replace(result, item=replace(item, extra={**item.extra, SHA256: digest}))
    return result
