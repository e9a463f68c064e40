"""One media item: a row of the resolved manifest."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from fmn.errors import InputError

MODALITIES = ("video", "audio")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Item:
    """A video clip or a speech recording, or the part of a file from `start` to `end` (both in seconds).

    `path` is the media file's absolute path, or its address in a store (`fmn.stores`). `split` is "" until it is
    assigned. `pair` joins a clip with the recording that describes it, `group` (speaker, actor, camera) never crosses
    the split, and "" means that there is none. `extra` holds the manifest's other columns.

    Raises InputError for an empty id, an unknown modality or split, a NUL or half a character, or times that are no
    interval.
    """

    id: str
    modality: str
    path: str
    label: str = ""
    split: str = ""
    pair: str = ""
    group: str = ""
    start: float | None = None
    end: float | None = None
    text: str = ""
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.id:
            raise InputError(f"Every item needs an id, but the one with path {self.path!r} has none: give it one.")
        if self.modality not in MODALITIES:
            raise InputError(f"Item {self.id!r}: the modality must be 'video' or 'audio', not {self.modality!r}.")
        if self.split not in ("", *SPLITS):
            raise InputError(f"Item {self.id!r}: the split must be 'train', 'val' or 'test', not {self.split!r}.")
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if isinstance(value, str) and not _can_be_kept(value):
                raise InputError(f"Item {self.id!r}: its {name} {value!r} has characters that no file name has.")
        start, end = self.start or 0.0, math.inf if self.end is None else self.end
        if not (0 <= start < end and (self.end is None or math.isfinite(end))):
            raise InputError(
                f"Item {self.id!r}: start and end must be seconds with 0 <= start < end, "
                f"not start {self.start} and end {self.end}."
            )


def _can_be_kept(text: str) -> bool:
    """Say whether HDF5 gives a text back unchanged, as it does with file names that are not UTF-8 (PEP 383)."""
    try:
        return "\0" not in text and text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False
