"""Clips decoded once into a scratch folder, at the size that they are fitted at: epochs read arrays, not videos."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from fmn.errors import BadItem
from fmn.item import Item

from ..media.flow import flow_fields, flow_levels
from ..media.flow_methods import NO_FLOW
from ..media.frames import frames
from ..media.sizes import resize_short_side
from ..media.two_streams import VideoSettings

LONGEST = 4  # windows of a clip that are kept; an archive's long takes would fill the disk


@dataclass(frozen=True)
class ScratchClip:
    """A clip in the scratch folder. `files`: stream -> .npy of uint8 [T, H, W, 3] RGB or [T, H, W, 2] flow levels.

    `frames`: T, at most four windows. `cut`: whether the clip was longer and its rest was left out.
    """

    id: str
    files: dict[str, str]
    frames: int
    cut: bool

    def open(self, stream: str) -> np.ndarray:
        """The frames of a stream, mapped and not read: windows are cut from the file."""
        return np.asarray(np.load(self.files[stream], mmap_mode="r", allow_pickle=False))


def decode_on_worker(items: Sequence[Item], *, settings: VideoSettings, folder: Path) -> list[ScratchClip | BadItem]:
    """Write each clip's frames (and flow) under `folder`; the BadItem in the place of one that cannot be read."""
    found: list[ScratchClip | BadItem] = []
    for item in items:
        try:
            found.append(_decode(item, settings, folder))
        except BadItem as bad:
            found.append(bad)
    return found


def _decode(item: Item, settings: VideoSettings, folder: Path) -> ScratchClip:
    longest = LONGEST * settings.window
    shown = (
        resize_short_side(frame, settings.short_side) for frame in frames(item.path, item.start, item.end, settings.fps)
    )
    kept = list(islice(shown, longest))
    cut = next(shown, None) is not None
    place = folder / hashlib.sha256(item.id.encode(errors="surrogateescape")).hexdigest()[:24]
    arrays = {"rgb": np.stack(kept)}
    if settings.flow != NO_FLOW:
        arrays["flow"] = flow_levels(np.stack(list(flow_fields(kept, settings.flow))))
    files = {}
    for stream, array in arrays.items():
        files[stream] = f"{place}.{stream}.npy"
        np.save(files[stream], array, allow_pickle=False)
    return ScratchClip(item.id, files, len(kept), cut)
