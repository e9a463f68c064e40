"""A manifest CSV -> items."""

import csv
import math
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fmn.errors import InputError
from fmn.item import MODALITIES, SPLITS, Item

from .scan import Scan, with_own_tracks

REQUIRED = ("modality", "path")
COLUMNS = ("id", "modality", "path", "label", "split", "pair", "group", "start", "end", "text")


class _Line(NamedTuple):
    number: int  # the file's line on which the row begins
    values: dict[str, str]


def read_manifest(path: Path) -> Scan:
    """The items of a manifest, in its order. Media files are not opened: a missing one fails later, by name.

    The columns are `id,modality,path,label,split,pair,group,start,end,text` in any order, of which only `modality`
    (video or audio) and `path` are required; others are kept in `Item.extra`. UTF-8, with or without a byte order mark.
    Relative paths start at the manifest's folder. `start` and `end` are seconds. A row without an id gets its path, as
    written; where several rows of a modality name that path, followed by `#start-end`. When only
    videos are listed, each one's own sound track becomes an audio item with the same id.

    Raises:
        InputError: no such file; not UTF-8; no rows; a missing, empty-named or repeated column; no video row. With line
            and value: a row longer than the header; no path; an unknown modality or split; times that are no
            interval; an id twice within a modality.
    """
    lines = list(_lines(path))
    if not lines:
        raise InputError(f"The manifest {path} has a header but no rows. Give it one row for each video or recording.")
    paths = Counter((line.values["modality"], line.values["path"]) for line in lines if not line.values.get("id"))
    first_line: dict[tuple[str, str], int] = {}
    items = []
    for line in lines:
        item = _item(path, line, several=paths[line.values["modality"], line.values["path"]] > 1)
        key = (item.modality, item.id)
        if key in first_line:
            raise _wrong(
                path,
                line,
                f"the {item.modality} id {item.id!r} stands in line {first_line[key]} already; give each row its own",
            )
        first_line[key] = line.number
        items.append(item)
    modalities = {item.modality for item in items}
    if "video" not in modalities:
        raise InputError(f"The manifest {path} lists {len(items)} recordings and no video. Add rows of modality video.")
    notices = []
    if "audio" not in modalities:
        notices = [f"The manifest lists no recordings: the own sound tracks of the {len(items)} videos are used."]
        items = with_own_tracks(items)
    return Scan(items, notices, [], 0)


def _lines(path: Path) -> Iterator[_Line]:
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
                    yield _Line(number, dict(zip(header, [*map(str.strip, row), *[""] * len(header)], strict=False)))
                number = rows.line_num + 1
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The manifest {path} is not UTF-8 (byte {error.start}). Save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: is not CSV ({error}).") from None


def _check_header(path: Path, header: list[str]) -> None:
    found = f"Its first line has: {', '.join(header) or 'nothing'}."
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(
            f"The manifest {path} needs the column{'s' * (len(missing) > 1)} {' and '.join(missing)}. {found}"
        )
    wrong = sorted({name for name in header if header.count(name) > 1 or not name})
    if wrong:
        raise InputError(f"The manifest {path} needs columns with different names; check {wrong[0]!r}. {found}")


def _item(path: Path, line: _Line, several: bool) -> Item:
    values = dict(line.values)
    modality, file, split = values["modality"], values["path"], values.get("split", "")
    if modality not in MODALITIES:
        raise _wrong(path, line, f"the modality is {' or '.join(MODALITIES)}, not {modality!r}")
    if not file:
        raise _wrong(path, line, "the path is empty. Name the media file")
    if split and split not in SPLITS:
        raise _wrong(path, line, f"the split is {', '.join(SPLITS)} or empty, not {split!r}")
    if any("\0" in value for value in values.values()):
        raise _wrong(path, line, "a value holds a NUL character. Save the file as text")
    start, end = (_seconds(path, line, name) for name in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise _wrong(
            path,
            line,
            f"the end has to come after the start; start is {values.get('start') or 0}, end is {values['end']}",
        )
    part = (
        f"#{values.get('start', '')}-{values.get('end', '')}"
        if several and (start is not None or end is not None)
        else ""
    )
    return Item(
        id=values.get("id") or file + part,
        modality=modality,
        path=os.path.abspath(path.parent / file),
        label=values.get("label", ""),
        split=split,
        pair=values.get("pair", ""),
        group=values.get("group", ""),
        start=start,
        end=end,
        text=values.get("text", ""),
        extra={name: value for name, value in values.items() if name not in COLUMNS},
    )


def _seconds(path: Path, line: _Line, name: str) -> float | None:
    text = line.values.get(name, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise _wrong(path, line, f"the {name} is a number of seconds from 0 on, not {text!r}")
    return value


def _wrong(path: Path, line: _Line, rule: str) -> InputError:
    return InputError(f"{path}, line {line.number}: {rule}.")
