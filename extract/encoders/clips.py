"""Video encoders of one network over RGB clips: pytorchvideo's zoo and C3D. None of them has a flow stream."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from fmn.errors import InputError
from fmn.item import Item

from ..media.frames import FPS, frames
from ..media.sizes import CROP, SHORT_SIDE, centre_crop, resize_short_side
from ..media.windows import windows
from ..networks.c3d import FEATURES, SIDE, WINDOW, c3d, load_c3d
from ..networks.pytorchvideo_zoo import DIM, ORIGIN, load_zoo_network, zoo_network
from .backbone import Backbone, Window
from .settings import ExtractSettings
from .windows import windows_kind

C3D_SHORT_SIDE = 128
# Name -> (title, frames that the network sees, one of how many, published file).
ZOO = {
    "i3d_r50": ("I3D-R50", 8, 8, "I3D_8x8_R50.pyth"),
    "slow_r50": ("Slow-R50", 8, 8, "SLOW_8x8_R50.pyth"),
    "c2d_r50": ("C2D-R50", 8, 8, "C2D_8x8_R50.pyth"),
    "r2plus1d_r50": ("R(2+1)D-R50", 16, 4, "R2PLUS1D_16x4_R50.pyth"),
    "x3d_m": ("X3D-M", 16, 5, "X3D_M.pyth"),
}


def zoo_preprocessing(settings: ExtractSettings, *, name: str) -> dict[str, Any]:
    """How pytorchvideo's networks were fitted: frames of a window spread evenly, (x / 255 - 0.45) / 0.225."""
    _no_flow(settings, name)
    _, count, stride, _ = ZOO[name]
    _one_window(settings, name, count * stride)
    short_side, crop = settings.frame_sizes(SHORT_SIDE, CROP)
    return {
        "short_side": short_side,
        "crop": crop,
        "fps": settings.fps or FPS,
        "window": count * stride,
        "frames": count,
        "mean": 0.45,
        "std": 0.225,
        "scale": 255.0,
    }


def c3d_preprocessing(settings: ExtractSettings) -> dict[str, Any]:
    """C3D's one size, 128 pixels cropped to 112, and RGB from 0 to 255 as the port's own example gives it."""
    _no_flow(settings, "c3d")
    _one_window(settings, "c3d", WINDOW)
    sizes = settings.frame_sizes(C3D_SHORT_SIDE, SIDE)
    if sizes != (C3D_SHORT_SIDE, SIDE):
        raise InputError(
            f"C3D sees frames of {SIDE} pixels (short side {C3D_SHORT_SIDE}) and no others: leave --short-side and "
            f"--crop out; got {sizes[0]} and {sizes[1]}."
        )
    return {
        "short_side": C3D_SHORT_SIDE,
        "crop": SIDE,
        "fps": settings.fps or FPS,
        "window": WINDOW,
        "frames": WINDOW,
        "mean": 0.0,
        "std": 1.0,
        "scale": 1.0,
    }


def _one_window(settings: ExtractSettings, name: str, frames_seen: int) -> None:
    if settings.window not in (None, frames_seen):
        raise InputError(f"{name} sees windows of {frames_seen} frames and no others, got --window {settings.window}.")


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


def _no_flow(settings: ExtractSettings, name: str) -> None:
    if settings.flow not in ("auto", "none"):
        raise InputError(
            f"The video encoder {name} sees RGB frames only: leave --flow out; got --flow {settings.flow}."
        )


def _zoo_backbone(name: str) -> Backbone:
    title, _, _, file = ZOO[name]
    return Backbone(
        modality="video",
        name=name,
        title=title,
        dim=DIM,
        build=functools.partial(zoo_network, name),
        load=functools.partial(load_zoo_network, name=name),
        preprocessing=functools.partial(zoo_preprocessing, name=name),
        windows=clips,
        names=(file,),
        origin=f"{ORIGIN}/{file}",
    )


C3D = Backbone(
    modality="video",
    name="c3d",
    title="C3D",
    dim=FEATURES,
    build=c3d,
    load=load_c3d,
    preprocessing=c3d_preprocessing,
    windows=clips,
    names=("c3d.pickle",),
    origin="c3d.pickle of DavideA/c3d-pytorch",
)

CLIPS = tuple(windows_kind(backbone) for backbone in (*map(_zoo_backbone, ZOO), C3D))
