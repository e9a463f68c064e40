"""A clip as two-stream I3D sees it: windows of frames and of the flow between them, resized, cropped and scaled.

Carreira & Zisserman (CVPR 2017): one network sees the frames, the other the optical flow.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from fmn.checked import checked, rule
from fmn.errors import InputError
from fmn.item import Item

from .flow import frames_with_flow, quantise
from .flow_methods import CHOICES, NO_FLOW
from .frames import FPS, frames
from .sizes import CROP, SHORT_SIDE, centre_crop, check_window, resize_short_side
from .windows import LENGTH, cut, windows

NUMBER_TYPES = ("auto", "bf16", "fp32")


def streams_of(flow: str) -> tuple[str, ...]:
    """The streams that a flow method gives: RGB alone for "none", else both."""
    return ("rgb",) if flow == NO_FLOW else ("rgb", "flow")


@checked("A video setting")
class VideoSettings:
    """How a clip is shown to the networks.

    `flow`: a method of flow or "none" (RGB only, 1024-d instead of 2048-d). `short_side`, `crop`: pixels. `window`:
    frames, at `fps` frames a second. `dtype`: "bf16", "fp32" or "auto", which is bf16 where the device computes in it.
    Raises InputError for a value out of range.
    """

    flow: Annotated[
        str, rule(lambda v: v in CHOICES, f"The flow method is one of {', '.join(CHOICES)}; got {{value!r}}.")
    ] = "tvl1"
    short_side: int = SHORT_SIDE
    crop: int = CROP
    window: int = LENGTH
    fps: float = FPS
    dtype: Annotated[
        str,
        rule(
            lambda v: v in NUMBER_TYPES,
            f"The number type of I3D is one of {', '.join(NUMBER_TYPES)}; got {{value!r}}.",
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        if not 1 <= self.crop <= self.short_side:
            raise InputError(
                f"The crop must be at least 1 pixel and fit the short side; got crop {self.crop}, short side "
                f"{self.short_side}."
            )
        check_window(self.short_side, self.crop, self.window, self.fps)
        if self.window < 1 or not self.fps > 0:
            raise InputError(f"Windows need a frame and fps above 0; got window {self.window}, fps {self.fps}.")


def stream_windows(
    shown: Iterable[np.ndarray], settings: VideoSettings
) -> Iterator[tuple[np.ndarray, np.ndarray | None, int]]:
    """Frames uint8 [H, W, 3] -> windows as both streams see them, resized and cropped.

    Yields:
        (RGB uint8 [T, crop, crop, 3], flow float32 [T, crop, crop, 2] in pixels or None without flow, frames looped).
    """
    resized = (resize_short_side(frame, settings.short_side) for frame in shown)
    if settings.flow == NO_FLOW:
        for window, added in windows((_cropped(frame, settings.crop) for frame in resized), settings.window):
            yield window, None, added
        return
    # Flow sees the whole frame and is cropped afterwards: motion across the crop's border counts.
    both = (
        (_cropped(frame, settings.crop), _cropped(field, settings.crop))
        for frame, field in frames_with_flow(resized, settings.flow)
    )
    for pairs, added in cut(both, settings.window):
        yield np.stack([frame for frame, _ in pairs]), np.stack([field for _, field in pairs]), added


def first_window(item: Item, settings: VideoSettings) -> tuple[np.ndarray, np.ndarray | None]:
    """The (RGB, flow or None) window at the beginning of a clip, of `stream_windows`. BadItem when there is none."""
    shown = frames(item.path, item.start, item.end, settings.fps)
    rgb, flow, _ = next(stream_windows(shown, settings))
    return rgb, flow


def rgb_clip(window: np.ndarray) -> Tensor:
    """uint8 [T, H, W, 3] RGB -> float32 [1, 3, T, H, W] in [-1, 1]: x / 127.5 - 1, as the published weights saw it."""
    return _clip(window.astype(np.float32) / 127.5 - 1.0)


def flow_clip(window: np.ndarray) -> Tensor:
    """float32 [T, H, W, 2] flow in pixels -> float32 [1, 2, T, H, W] in [-1, 1], clipped and quantised."""
    return _clip(quantise(window))


def _cropped(frame: np.ndarray, crop: int) -> np.ndarray:
    return np.ascontiguousarray(centre_crop(frame, crop))  # a view would keep the whole frame in memory


def _clip(window: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(window.transpose(3, 0, 1, 2))).unsqueeze(0)
