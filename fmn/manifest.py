"""The manifest CSV: its columns, its rows as items, and how it is written."""

import csv
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fmn.errors import InputError
from fmn.files import write_durably
from fmn.item import MODALITIES, SPLITS, Item
from fmn.media import is_url, nfc
from fmn.on_disk import OnDisk
from fmn.tables import as_csv, as_meant, columns_meant

REQUIRED = ("modality", "path")
COLUMNS = ("id", "modality", "path", "label", "split", "pair", "group", "start", "end", "text")


class Row(NamedTuple):
    """line: of the file, on which the row begins. values: column -> text, as it is written there."""

    line: int
    values: dict[str, str]
    item: Item


def read_rows(path: Path) -> tuple[list[str], list[Row]]:
    """The columns and rows [n >= 0] of a manifest, in its order. Media files are not opened.

    The columns are `COLUMNS` in any order, of which only `modality` (video or audio) and `path` are required; others
    are kept in `Item.extra`. UTF-8, with or without a byte order mark. Relative paths start at the manifest's folder;
    addresses of stores (`fmn.stores`) are kept as they are written. `start` and `end` are seconds. A row without an id
    gets its path, as written; where several rows of a modality name that path, followed by `#start-end`. Labels, pairs
    and groups are made NFC, as those of folders are, and a path that is spelled in another Unicode form than on the
    disk is that of the disk. What fmn wrote is read as it was before it was made harmless (`fmn.tables`).

    Raises:
        InputError: no such file; not UTF-8 or not CSV; a missing, empty-named or repeated column. With line and value:
            a row longer than the header; no path; an unknown modality or split; times that are no interval.
    """
    columns, lines = _lines(path)
    paths = Counter((values["modality"], values["path"]) for _, values in lines if not values.get("id"))
    rows = []
    disk = OnDisk()
    for line, values in lines:
        several = paths[values["modality"], values["path"]] > 1
        rows.append(Row(line, values, _item(path, line, values, several, disk)))
    return columns, rows


def see_ids_once(path: Path, rows: Iterable[Row]) -> None:
    """Raise InputError where an id stands twice within a modality."""
    first_line: dict[tuple[str, str], int] = {}
    for line, _, item in rows:
        first = first_line.setdefault((item.modality, item.id), line)
        if first != line:
            rule = f"the {item.modality} id {item.id!r} stands in line {first} already; give each row its own"
            raise _wrong(path, line, rule)


def write_manifest(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a manifest whole or not at all; returns its path. File names that are not UTF-8 keep their bytes."""
    text = as_csv(columns, rows, read_again=True)
    write_durably(path.parent, path.name, text.encode("utf-8", "surrogateescape"))
    return path


def path_from(folder: Path, file: str | Path) -> str:
    """A file's path as a manifest in `folder` names it."""
    if is_url(str(file)):
        return str(file)
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # on another drive
        return os.path.abspath(file)


def _lines(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and (line number, values) of each row that is not empty."""
    lines = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            _check_header(path, header)
            number = rows.line_num + 1
            for row in rows:
                if len(row) > len(header):
                    raise InputError(
                        f"{path}, line {number}: {len(row)} values in a table of {len(header)} columns. "
                        'Put a value that holds a comma into "quotes".'
                    )
                if any(value.strip() for value in row):
                    values = [*map(str.strip, row), *[""] * (len(header) - len(row))]
                    lines.append((number, as_meant(dict(zip(header, values, strict=True)))))
                number = rows.line_num + 1
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The manifest {path} is not UTF-8 (byte {error.start}). Save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: is not CSV ({error}).") from None
    return columns_meant(header), lines


def _check_header(path: Path, header: list[str]) -> None:
    found = f"Its first line has: {', '.join(header)[:200] or 'nothing'}."
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(
            f"The manifest {path} needs the column{'s' * (len(missing) > 1)} {' and '.join(missing)}. {found}"
        )
    if "" in header:
        raise InputError(
            f"Each column of a manifest has a name; column {header.index('') + 1} of {path} has none (an index that a "
            f"program wrote along?). Name it or leave it out. {found}"
        )
    wrong = sorted({name for name in header if header.count(name) > 1})
    if wrong:
        raise InputError(f"The manifest {path} needs columns with different names; check {wrong[0]!r}. {found}")


def _item(path: Path, line: int, values: Mapping[str, str], several: bool, disk: OnDisk) -> Item:
    modality, file, split = values["modality"], values["path"], values.get("split", "")
    if modality not in MODALITIES:
        raise _wrong(path, line, f"the modality is {' or '.join(MODALITIES)}, not {modality!r}")
    if not file:
        raise _wrong(path, line, "the path is empty. Name the media file")
    if split and split not in SPLITS:
        raise _wrong(path, line, f"the split is {', '.join(SPLITS)} or empty, not {split!r}")
    if any("\0" in value for value in values.values()):
        raise _wrong(path, line, "a value holds a NUL character. Save the file as text")
    start, end = (_seconds(path, line, name, values.get(name, "")) for name in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        rule = f"the end has to come after the start; start is {values.get('start') or 0}, end is {values['end']}"
        raise _wrong(path, line, rule)
    cut = several and (start is not None or end is not None)
    part = f"#{values.get('start', '')}-{values.get('end', '')}" if cut else ""
    return Item(
        id=values.get("id") or file + part,
        modality=modality,
        path=file if is_url(file) else disk.path(os.path.abspath(path.parent / file)),
        label=nfc(values.get("label", "")),
        split=split,
        pair=nfc(values.get("pair", "")),
        group=nfc(values.get("group", "")),
        start=start,
        end=end,
        text=values.get("text", ""),
        extra={name: value for name, value in values.items() if name not in COLUMNS},
    )


def _seconds(path: Path, line: int, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise _wrong(path, line, f"the {name} is a number of seconds from 0 on, not {text!r}")
    return value


def _wrong(path: Path, line: int, rule: str) -> InputError:
    return InputError(f"{path}, line {line}: {rule}.")
