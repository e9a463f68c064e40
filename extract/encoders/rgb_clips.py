"""Clips as encoders without a flow stream see them: windows of RGB frames, some frames of each, scaled."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from fmn.errors import InputError
from fmn.item import Item

from ..media.frames import frames
from ..media.sizes import centre_crop, resize_short_side
from ..media.windows import windows
from .backbone import Window
from .settings import ExtractSettings


def check_rgb(settings: ExtractSettings, name: str, window: int) -> None:
    """Raise InputError where a flow method or another window than the network's `window` frames is asked for."""
    if settings.flow not in ("auto", "none"):
        raise InputError(
            f"The video encoder {name} sees RGB frames only: leave --flow out; got --flow {settings.flow}."
        )
    if settings.window not in (None, window):
        raise InputError(f"{name} sees windows of {window} frames and no others, got --window {settings.window}.")


def clips(item: Item, preprocessing: Mapping[str, Any]) -> Iterator[Window]:
    """The windows of a clip, float32 [3, frames, crop, crop], the last one moved back; BadItem when it is no clip."""
    length, fps = int(preprocessing["window"]), float(preprocessing["fps"])
    shown = frames(item.path, item.start, item.end, fps)
    read = 0

    def cropped() -> Iterator[np.ndarray]:
        nonlocal read
        for frame in shown:
            read += 1
            resized = resize_short_side(frame, int(preprocessing["short_side"]))
            yield np.ascontiguousarray(centre_crop(resized, int(preprocessing["crop"])))

    chosen = evenly(length, int(preprocessing["frames"]))
    scale, mean, std = (float(preprocessing[key]) for key in ("scale", "mean", "std"))
    for window, repeated in windows(cropped(), length):
        values = (window[chosen].astype(np.float32) / np.float32(scale) - np.float32(mean)) / np.float32(std)
        clip = torch.from_numpy(np.ascontiguousarray(values.transpose(3, 0, 1, 2)))
        yield Window(clip, repeated, read / fps)


def evenly(length: int, count: int) -> list[int]:
    """`count` indices from 0 to length - 1, evenly spread, rounded down: pytorchvideo's UniformTemporalSubsample."""
    return [k * (length - 1) // (count - 1) for k in range(count)]
