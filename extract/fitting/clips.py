"""The clips that a stream is fitted on: which ones the minutes suffice for, decoded once, and their windows.

They are decoded into a scratch folder, at the size that they are fitted at: epochs read arrays, not videos.
"""

import functools
import hashlib
import io
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fmn.errors import InputError
from fmn.files import written
from fmn.item import Item

from ..media.flow import flow_fields, flow_levels
from ..media.flow_methods import NO_FLOW
from ..media.frames import frames
from ..media.sizes import centre_crop, resize_short_side
from ..media.two_streams import VideoSettings
from ..media.windows import windows
from .train_part import TrainPart

SHARE = 0.5  # of the minutes that decoding and preparing may take; the rest is for epochs
LONGEST = 4  # windows of a clip that are kept; an archive's long takes would fill the disk


@dataclass(frozen=True)
class DecodedClip:
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


class Decoder:
    """Decodes items on the workers into the scratch folder, and knows how long one takes."""

    def __init__(self, part: TrainPart, shown: VideoSettings, scratch: Path) -> None:
        self.part, self.make = part, functools.partial(decode, settings=shown, folder=scratch)
        self.failed: list[tuple[str, str]] = []
        self.seconds_a_clip = 0.0

    def decode(self, items: Sequence[Item]) -> list[DecodedClip]:
        """The readable ones among `items`, in their order."""
        began = time.monotonic()
        done = self.part.run("frames and flow of the train split", self.make, 2, items)
        self.failed += done.failed
        self.seconds_a_clip = (time.monotonic() - began) / max(1, len(items))
        return [done.good[item.id] for item in items if item.id in done.good]


def balanced(items: Sequence[Item], seed: int) -> list[Item]:
    """The items in an order of which every beginning holds about equally many of each label; seeded."""
    of_label = defaultdict(list)
    for item in sorted(items, key=lambda item: _draw(seed, item.id)):
        of_label[item.label].append(item)
    turns = [(turn, label) for label, members in of_label.items() for turn in range(len(members))]
    return [of_label[label][turn] for turn, label in sorted(turns)]


def affordable(count: int, seconds_a_clip: float, minutes: float) -> int:
    """How many of `count` clips can be prepared within their share of the minutes; at least one."""
    return max(1, min(count, int(SHARE * 60 * minutes / max(seconds_a_clip, 1e-9))))


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(json.dumps([seed, name]).encode()).digest()


def check_room(items: int, shown: VideoSettings, free_bytes: int) -> None:
    """Raise InputError where the scratch folder cannot hold one square window of each clip, the least there is."""
    least = items * shown.window * shown.short_side**2 * (3 if shown.flow == NO_FLOW else 5)
    if least > free_bytes:
        raise InputError(
            f"Fitting decodes the clips once into a scratch folder, at least {least / 1e9:.1f} GB for {items} clips, "
            f"and {free_bytes / 1e9:.1f} GB are free there: name a roomier --scratch, or smaller frames."
        )


def decode(item: Item, *, settings: VideoSettings, folder: Path) -> DecodedClip:
    """Write the clip's frames (and flow) under `folder`.

    Raises BadItem when it cannot be read, NotWritten when the disk is full.
    """
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
        write_array(Path(files[stream]), array)
    return DecodedClip(item.id, files, len(kept), cut)


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a .npy file of the scratch folder. NumPy by itself is silent about a file that did not take all.

    Raises NotWritten when the disk is full.
    """
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    with written(path):
        path.write_bytes(content.getbuffer())


def random_window(
    clip: DecodedClip, stream: str, length: int, crop: int, draw: np.random.Generator, mirror: bool = True
) -> np.ndarray:
    """A random window, randomly cropped, and mirrored every other time if `mirror`: uint8 [length, crop, crop, C].

    A clip shorter than the window is looped. A mirrored flow also runs the other way along x.
    """
    frames = clip.open(stream)
    count, height, width = frames.shape[:3]
    begin = int(draw.integers(0, max(0, count - length) + 1))
    top, left = int(draw.integers(0, height - crop + 1)), int(draw.integers(0, width - crop + 1))
    taken = frames[(begin + np.arange(length)) % count, top : top + crop, left : left + crop]
    return mirrored(taken, stream) if mirror and draw.random() < 0.5 else np.asarray(taken)


def mirrored(window: np.ndarray, stream: str) -> np.ndarray:
    """The mirror image of uint8 [T, H, W, C]; what moved left in flow levels moves right."""
    turned = window[:, :, ::-1].copy()
    if stream == "flow":
        turned[..., 0] = 255 - turned[..., 0]
    return turned


def centre_windows(clip: DecodedClip, stream: str, length: int, crop: int) -> Iterator[np.ndarray]:
    """The clip's windows as extraction cuts them, the middle of each frame: uint8 [length, crop, crop, C]."""
    frames = clip.open(stream)
    for window, _ in windows((centre_crop(frame, crop) for frame in frames), length):
        yield window


def as_batch(taken: list[np.ndarray]) -> Tensor:
    """uint8 [T, H, W, C] each -> float32 [B, C, T, H, W] in [-1, 1], channels last in memory.

    RGB and flow levels scale alike: x / 127.5 - 1.
    """
    stacked = torch.from_numpy(np.stack(taken)).permute(0, 4, 1, 2, 3)
    return (stacked.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last_3d)
