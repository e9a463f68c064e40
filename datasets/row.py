"""One row of the manifest that an importer writes, and what an importer found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# The columns that fmn-extract reads; whatever else a row has follows in columns of its own.
COLUMNS = ("id", "modality", "path", "label", "split", "pair", "group", "start", "end", "text")


@dataclass(frozen=True)
class Row:
    """A video or recording, or the part of it from `start` to `end` (seconds, `end` exclusive).

    `path` is absolute. "" and None mean that there is none; `extra` goes into further columns of the manifest.
    """

    id: str
    path: str
    modality: str = "video"
    label: str = ""
    split: str = ""
    pair: str = ""
    group: str = ""
    start: float | None = None
    end: float | None = None
    text: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """What an importer found.

    `rows`: what goes into the manifest. `annotated`: intervals in the annotation file. `videos`: video files that the
    annotations name and that are there. `missing`: names of those that are not. `notices`: sentences for the user.
    """

    rows: list[Row]
    annotated: int
    videos: int
    missing: list[str]
    notices: list[str]
