"""The clips that are to be spoken of: the video rows of a manifest, or a folder of class sub-folders."""

import csv
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fmn.errors import InputError

REQUIRED: Final = ("modality", "path")
SPLITS: Final = ("train", "val", "test")
_VIDEO = "3g2 3gp asf avi divx f4v flv gif m2ts m2v m4v mkv mov mp4 mpe mpeg mpg mts mxf ogv ts vob webm wmv"
SUFFIXES: Final = frozenset(f".{name}" for name in _VIDEO.split())


@dataclass(frozen=True)
class Clip:
    """A video row. `values`: all its columns, as they were read; `path` there is absolute."""

    id: str
    values: Mapping[str, str]

    def get(self, column: str) -> str:
        """The column's value, "" where there is none."""
        return self.values.get(column, "")


@dataclass(frozen=True)
class ClipSet:
    """clips [n >= 1] in their order. columns: the manifest's. notices: sentences for the user."""

    clips: list[Clip]
    columns: list[str]
    notices: list[str]


def read_clips(path: Path) -> ClipSet:
    """The clips of a manifest CSV (the columns of `fmn-extract --manifest`) or of a folder (sub-folder = label).

    Media files are not opened. Recordings that a manifest lists are left out. An id is the row's, or its path as it is
    written there; where several rows name that path, followed by `#start-end`.

    InputError, with line and value: no such file; not UTF-8 or not CSV; a missing, nameless or repeated column; an
    unknown modality or split; no path; times that are no interval; an id twice; no video.
    """
    return _of_folder(path) if path.is_dir() else _of_manifest(path)


def _of_folder(root: Path) -> ClipSet:
    clips, loose = [], 0
    seen: set[str] = set()
    for folder, below, files in os.walk(root, followlinks=True):
        if os.path.realpath(folder) in seen:  # a link to a folder that was there already may never end
            below.clear()
            continue
        seen.add(os.path.realpath(folder))
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            file = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES or not _is_text(file):
                continue
            if "/" not in file:
                loose += 1
                continue
            label = unicodedata.normalize("NFC", file.split("/")[0])
            values = {"modality": "video", "path": os.path.abspath(root / file), "label": label}
            clips.append(Clip(file, values))
    if not clips:
        raise InputError(
            f"The folder {root} has no class sub-folder with a video in it ({loose} videos lie beside). Sort the clips "
            "into one sub-folder a label, or give a manifest CSV that names their labels or texts."
        )
    notices = [f"{loose} videos lie beside the class folders of {root} and are left out."] if loose else []
    return ClipSet(sorted(clips, key=lambda clip: clip.id), ["modality", "path", "label"], notices)


def _of_manifest(path: Path) -> ClipSet:
    columns, lines = _read(path)
    videos, others = [], 0
    for number, values in lines:
        _check(path, number, values)
        if values["modality"] == "video":
            videos.append((number, values))
        else:
            others += 1
    if not videos:
        raise InputError(f"The manifest {path} lists no video ({others} recordings). Add rows of modality video.")
    times = Counter(values["path"] for _, values in videos if not values.get("id"))
    first_line: dict[str, int] = {}
    clips = []
    for number, values in videos:
        part = f"{values.get('start', '')}-{values.get('end', '')}"
        several = times[values["path"]] > 1 and part != "-"
        name = values.get("id") or values["path"] + (f"#{part}" if several else "")
        if name in first_line:
            rule = f"the video id {name!r} stands in line {first_line[name]} already; give each row its own"
            raise _wrong(path, number, rule)
        first_line[name] = number
        absolute = os.path.abspath(path.parent / values["path"])
        clips.append(Clip(name, {**values, "path": absolute}))
    notices = [f"{others} recordings that {path} lists are left out: these are spoken anew."] if others else []
    return ClipSet(clips, columns, notices)


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Header and (line number, values) of each row that is not empty."""
    lines = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            _check_header(path, header)
            number = rows.line_num + 1
            for row in rows:
                if len(row) > len(header):
                    rule = f"{len(row)} values in a table of {len(header)} columns; quote a value that holds a comma"
                    raise _wrong(path, number, rule)
                if any(value.strip() for value in row):
                    values = [*map(str.strip, row), *[""] * (len(header) - len(row))]
                    lines.append((number, dict(zip(header, values, strict=True))))
                number = rows.line_num + 1
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The manifest {path} is not UTF-8 (byte {error.start}). Save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: is not CSV ({error}).") from None
    return header, lines


def _check_header(path: Path, header: list[str]) -> None:
    found = f"Its first line has: {', '.join(header)[:200] or 'nothing'}."
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(f"{path} is no manifest CSV: it needs the columns {' and '.join(REQUIRED)}. {found}")
    if "" in header or len(set(header)) < len(header):
        raise InputError(f"The manifest {path} needs columns with different names. {found}")


def _check(path: Path, number: int, values: Mapping[str, str]) -> None:
    if values["modality"] not in ("video", "audio"):
        raise _wrong(path, number, f"the modality is video or audio, not {values['modality']!r}")
    if not values["path"]:
        raise _wrong(path, number, "the path is empty; name the media file")
    if values.get("split", "") not in ("", *SPLITS):
        raise _wrong(path, number, f"the split is {', '.join(SPLITS)} or empty, not {values['split']!r}")
    if any("\0" in value for value in values.values()):
        raise _wrong(path, number, "a value holds a NUL character; save the file as text")
    start, end = (_time(path, number, name, values.get(name, "")) for name in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise _wrong(path, number, f"the end comes after the start, but start is {start or 0} and end is {end}")


def _time(path: Path, number: int, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise _wrong(path, number, f"the {name} is a number of seconds from 0 on, not {text!r}")
    return value


def _is_text(name: str) -> bool:
    """Say whether a file's name is text; other bytes cannot stand in a CSV."""
    return name.encode("utf-8", "replace").decode() == name


def _wrong(path: Path, number: int, rule: str) -> InputError:
    return InputError(f"{path}, line {number}: {rule}.")
