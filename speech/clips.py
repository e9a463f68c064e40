"""The clips that are to be spoken of: the video rows of a manifest, or a folder of class sub-folders."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fmn.errors import InputError
from fmn.manifest import read_rows, see_ids_once
from fmn.media import VIDEO_SUFFIXES, files_below, label_of


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
    """The clips of a manifest CSV (see `fmn.manifest.read_rows`) or of a folder (sub-folder = label).

    Media files are not opened. Recordings that a manifest lists are left out.

    Raises:
        InputError: what `read_rows` refuses; the id of a video twice; no video.
    """
    return _of_folder(path) if path.is_dir() else _of_manifest(path)


def _of_folder(root: Path) -> ClipSet:
    files = files_below(root, VIDEO_SUFFIXES).files
    sorted_in = [file for file in files if "/" in file]
    loose = len(files) - len(sorted_in)
    if not sorted_in:
        raise InputError(
            f"The folder {root} has no class sub-folder with a video in it ({loose} videos lie beside). Sort the clips "
            "into one sub-folder a label, or give a manifest CSV that names their labels or texts."
        )
    clips = [
        Clip(file, {"modality": "video", "path": os.path.abspath(root / file), "label": label_of(file)})
        for file in sorted_in
    ]
    notices = [f"{loose} videos lie beside the class folders of {root} and are left out."] if loose else []
    return ClipSet(clips, ["modality", "path", "label"], notices)


def _of_manifest(path: Path) -> ClipSet:
    columns, rows = read_rows(path)
    videos = [row for row in rows if row.item.modality == "video"]
    others = len(rows) - len(videos)
    if not videos:
        raise InputError(f"The manifest {path} lists no video ({others} recordings). Add rows of modality video.")
    see_ids_once(path, videos)
    clips = [Clip(row.item.id, {**row.values, "path": row.item.path}) for row in videos]
    notices = [f"{others} recordings that {path} lists are left out: these are spoken anew."] if others else []
    return ClipSet(clips, columns, notices)
