"""Video encoder `c3d`: C3D's fc6 over windows of 16 RGB frames of 112 pixels, 4096-d."""

from pathlib import Path
from typing import Any

from fmn.errors import InputError

from ..media.frames import FPS
from ..networks.c3d import FEATURES, SIDE, WINDOW, C3d, c3d
from ..weights.state_file import load_state
from .backbone import Backbone, backbone_entry
from .rgb_clips import check_rgb, clips
from .settings import ExtractSettings

SHORT_SIDE = 128


def load_c3d(path: Path) -> C3d:
    """The network with the weights of `c3d.pickle` or another file of its names; fc7 and fc8 are left out."""
    network = c3d()
    load_state(network, path, "C3D", head=("fc7.", "fc8."))
    return network


def preprocessing(settings: ExtractSettings) -> dict[str, Any]:
    """C3D's one size, 128 pixels cropped to 112, and RGB from 0 to 255 as the port's own example gives it."""
    check_rgb(settings, "c3d", WINDOW)
    sizes = settings.frame_sizes(SHORT_SIDE, SIDE)
    if sizes != (SHORT_SIDE, SIDE):
        raise InputError(
            f"C3D sees frames of {SIDE} pixels (short side {SHORT_SIDE}) and no others: leave --short-side and "
            f"--crop out; got {sizes[0]} and {sizes[1]}."
        )
    return {
        "short_side": SHORT_SIDE,
        "crop": SIDE,
        "fps": settings.fps or FPS,
        "window": WINDOW,
        "frames": WINDOW,
        "mean": 0.0,
        "std": 1.0,
        "scale": 1.0,
    }


C3D = backbone_entry(
    Backbone(
        modality="video",
        name="c3d",
        title="C3D",
        dim=FEATURES,
        build=c3d,
        load=load_c3d,
        preprocessing=preprocessing,
        windows=clips,
        names=("c3d.pickle",),
        origin="c3d.pickle of DavideA/c3d-pytorch",
    )
)
