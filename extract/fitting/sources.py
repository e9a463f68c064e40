"""What a stream is fitted on: windows of frames, or what a frozen lower part of the network makes of them, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..networks.i3d_fast import FastI3d
from .clips import DecodedClip, as_batch, centre_windows, mirrored, random_window, write_array


class Source(Protocol):
    """Gives the network its inputs. `entry`: the stage of the trunk that they go into, "" for the first."""

    entry: str

    def prepare(self, clip: DecodedClip) -> None:
        """Make ready what is drawn from a clip."""

    def random(self, clip: DecodedClip, draw: np.random.Generator) -> Tensor:
        """One input of the clip to fit on, [C, T, H, W]."""

    def centre(self, clip: DecodedClip) -> Iterator[Tensor]:
        """The inputs of the clip's windows as an extraction sees them, each [C, T, H, W]."""


class FrameSource:
    """Windows of frames (or flow): random, randomly cropped ones to fit the whole network on, mirrored or not."""

    entry = ""

    def __init__(self, stream: str, window: int, crop: int, mirror: bool = True) -> None:
        self.stream, self.window, self.crop, self.mirror = stream, window, crop, mirror

    def prepare(self, clip: DecodedClip) -> None:
        """Frames are ready."""

    def random(self, clip: DecodedClip, draw: np.random.Generator) -> Tensor:
        """A random window."""
        return as_batch([random_window(clip, self.stream, self.window, self.crop, draw, self.mirror)])[0]

    def centre(self, clip: DecodedClip) -> Iterator[Tensor]:
        """All windows, the middle of their frames."""
        for window in centre_windows(clip, self.stream, self.window, self.crop):
            yield as_batch([window])[0]


class MapSource:
    """Maps of a frozen lower part, computed once for each window (and its mirror image), kept in the scratch folder.

    A lower part that is not fitted makes the same of a window in every epoch; without its cost an epoch is some
    ten times faster. It runs as in an extraction (`FastI3d`), so that the upper part is fitted on what it will see.
    """

    def __init__(
        self, lower: FastI3d, entry: str, stream: str, window: int, crop: int, folder: Path, mirror: bool = True
    ) -> None:
        self.lower, self.entry = lower, entry
        self.stream, self.window, self.crop, self.mirror, self.folder = stream, window, crop, mirror, folder

    def prepare(self, clip: DecodedClip) -> None:
        """Compute the clip's maps, unless they are there."""
        if not self._path(clip).is_file():
            maps = []
            for window in centre_windows(clip, self.stream, self.window, self.crop):
                images = [window, mirrored(window, self.stream)] if self.mirror else [window]
                found = [self.lower.maps(as_batch([each]), self.entry) for each in images]
                maps.append(torch.stack(found).squeeze(1))
            write_array(self._path(clip), torch.stack(maps).cpu().half().numpy())

    def random(self, clip: DecodedClip, draw: np.random.Generator) -> Tensor:
        """The map of a random window or of its mirror image."""
        maps = self._open(clip)
        window, image = int(draw.integers(maps.shape[0])), int(draw.integers(maps.shape[1]))
        return torch.from_numpy(maps[window, image].astype(np.float32))

    def centre(self, clip: DecodedClip) -> Iterator[Tensor]:
        """The maps of all windows."""
        for images in self._open(clip):
            yield torch.from_numpy(images[0].astype(np.float32))

    def _open(self, clip: DecodedClip) -> np.ndarray:
        """[windows, 2 (1 without mirror images), C, T, H, W] float16, mapped."""
        return np.asarray(np.load(self._path(clip), mmap_mode="r", allow_pickle=False))

    def _path(self, clip: DecodedClip) -> Path:
        return self.folder / f"{Path(clip.files[self.stream]).stem}.{self.entry}.npy"
