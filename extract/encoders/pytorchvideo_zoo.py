"""Video encoders `i3d_r50`, `slow_r50`, `c2d_r50`, `r2plus1d_r50` and `x3d_m` of pytorchvideo, RGB clips, 2048-d."""

import functools
from pathlib import Path
from typing import Any, NamedTuple

from ..media.frames import FPS
from ..media.sizes import CROP, SHORT_SIDE
from ..networks.pytorchvideo_zoo import DIM, ZooNetwork, zoo_network
from ..weights.state_file import load_state
from .backbone import Backbone, backbone_entry
from .rgb_clips import check_rgb, clips
from .settings import ExtractSettings

ORIGIN = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"


class Shown(NamedTuple):
    """What a network sees, and its published file: `frames`, one of how many (`stride`)."""

    title: str
    frames: int
    stride: int
    file: str


NAMES = {
    "i3d_r50": Shown("I3D-R50", 8, 8, "I3D_8x8_R50.pyth"),
    "slow_r50": Shown("Slow-R50", 8, 8, "SLOW_8x8_R50.pyth"),
    "c2d_r50": Shown("C2D-R50", 8, 8, "C2D_8x8_R50.pyth"),
    "r2plus1d_r50": Shown("R(2+1)D-R50", 16, 4, "R2PLUS1D_16x4_R50.pyth"),
    "x3d_m": Shown("X3D-M", 16, 5, "X3D_M.pyth"),
}


def load_zoo_network(path: Path, name: str) -> ZooNetwork:
    """The network with the weights of a published .pyth (or .pt, .safetensors), strictly; else InputError."""
    network = zoo_network(name)
    blocks = len(network.blocks)
    load_state(network, path, name, head=(f"blocks.{blocks - (name == 'x3d_m')}.proj.",))
    return network.eval()


def preprocessing(settings: ExtractSettings, *, name: str) -> dict[str, Any]:
    """How pytorchvideo's networks were fitted: frames of a window spread evenly, (x / 255 - 0.45) / 0.225."""
    shown = NAMES[name]
    check_rgb(settings, name, shown.frames * shown.stride)
    short_side, crop = settings.frame_sizes(SHORT_SIDE, CROP)
    return {
        "short_side": short_side,
        "crop": crop,
        "fps": settings.fps or FPS,
        "window": shown.frames * shown.stride,
        "frames": shown.frames,
        "mean": 0.45,
        "std": 0.225,
        "scale": 255.0,
    }


ZOO = tuple(
    backbone_entry(
        Backbone(
            modality="video",
            name=name,
            title=shown.title,
            dim=DIM,
            build=functools.partial(zoo_network, name),
            load=functools.partial(load_zoo_network, name=name),
            preprocessing=functools.partial(preprocessing, name=name),
            windows=clips,
            names=(shown.file,),
            origin=f"{ORIGIN}/{shown.file}",
        )
    )
    for name, shown in NAMES.items()
)
