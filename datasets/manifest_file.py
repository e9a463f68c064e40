"""Rows -> a manifest CSV, written whole or not at all."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from fmn.errors import InputError

from .row import COLUMNS, Row


def write_manifest(path: Path, rows: Sequence[Row], overwrite: bool = False) -> None:
    """Write rows in the order given: the columns of fmn-extract, then the extra ones in order of appearance.

    Files below the manifest's folder are named relative to it, so that the folder can be moved; others absolutely. An
    existing manifest may hold somebody's corrections: a different one is replaced only with `overwrite`.

    Raises:
        InputError: no rows; a value that a manifest cannot hold; a different file is there, or it cannot be written.
    """
    if not rows:
        raise InputError(f"There is nothing to write into {path}: no video of the annotations was found.")
    folder = os.path.abspath(path.parent)
    extra = list(dict.fromkeys(name for row in rows for name in row.extra))
    lines: list[list[str]] = [[*COLUMNS, *extra]]
    for row in rows:
        values = {name: _text(getattr(row, name)) for name in COLUMNS} | {"path": _relative(row.path, folder)}
        lines.append([*values.values(), *(row.extra.get(name, "") for name in extra)])
    write_csv(path, lines, overwrite)


def write_csv(path: Path, lines: Iterable[Sequence[str]], overwrite: bool = False) -> None:
    """Write lines as UTF-8 CSV: under a temporary name, flushed to the disk, then renamed.

    Raises:
        InputError: a different file is there and `overwrite` is not given; it cannot be written; a value is no text.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    try:
        data = text.getvalue().encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path} cannot be written: {error.object[error.start : error.end]!r} is no text. Rename that file."
        ) from None
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if not overwrite and path.exists() and path.read_bytes() != data:
            raise InputError(
                f"{path} is there already and is different. Give --overwrite to replace it, or another --out."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}).") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _text(value: str | float | None) -> str:
    # Times are written out: 1e-05 would be read as well, but by few people.
    return "" if value is None else value if isinstance(value, str) else f"{value:.6f}".rstrip("0").rstrip(".")


def _relative(path: str, folder: str) -> str:
    inside = os.path.commonpath([path, folder]) == folder
    return Path(os.path.relpath(path, folder)).as_posix() if inside else path
