"""What an importer found, and the manifest that it becomes, written whole or not at all."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmn.errors import InputError
from fmn.files import write_durably
from fmn.item import Item
from fmn.manifest import COLUMNS
from fmn.tables import as_csv


@dataclass(frozen=True)
class Imported:
    """`items`: what goes into the manifest, paths absolute. `annotated`: intervals in the annotation file. `videos`:
    video files that the annotations name and that are there. `missing`: names of those that are not. `notices`:
    sentences for the user."""

    items: list[Item]
    annotated: int
    videos: int
    missing: list[str]
    notices: list[str]


def write_manifest(path: Path, items: Sequence[Item], overwrite: bool = False) -> None:
    """Write items in the order given: the columns of fmn-extract, then the extra ones in order of appearance.

    Files below the manifest's folder are named relative to it, so that the folder can be moved; others absolutely. An
    existing manifest may hold somebody's corrections: a different one is replaced only with `overwrite`.

    Raises:
        InputError: no items; a value that a manifest cannot hold; a different file is there, or it cannot be written.
    """
    if not items:
        raise InputError(f"There is nothing to write into {path}: no video of the annotations was found.")
    folder = os.path.abspath(path.parent)
    columns = [*COLUMNS, *dict.fromkeys(name for item in items for name in item.extra)]
    rows = (
        {**item.extra, **{name: _text(getattr(item, name)) for name in COLUMNS}, "path": _relative(item.path, folder)}
        for item in items
    )
    write_table(path, columns, rows, overwrite)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], overwrite: bool) -> None:
    """Write a table as UTF-8 CSV.

    Raises:
        InputError: a different file is there and `overwrite` is not given; it cannot be written; a value is no text.
    """
    try:
        data = as_csv(columns, rows, newline="\n", read_again=True).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path} cannot be written: {error.object[error.start : error.end]!r} is no text. Rename that file."
        ) from None
    try:
        if not overwrite and path.exists() and path.read_bytes() != data:
            raise InputError(
                f"{path} is there already and is different. Give --overwrite to replace it, or another --out."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path.parent, path.name, data)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}).") from None


def _text(value: str | float | None) -> str:
    # Times are written out: 1e-05 would be read as well, but by few people.
    return "" if value is None else value if isinstance(value, str) else f"{value:.6f}".rstrip("0").rstrip(".")


def _relative(path: str, folder: str) -> str:
    inside = os.path.commonpath([path, folder]) == folder
    return Path(os.path.relpath(path, folder)).as_posix() if inside else path
