"""The last resort of an extraction without video weights: both streams fitted here, in stated time."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fmn.device import pick_device

from ..media.two_streams import VideoSettings
from ..networks.i3d import random_stream
from .settings import FinetuneSettings
from .video import Began, VideoFit, check_room, fit_video

if TYPE_CHECKING:
    from ..encoders.door import Settling

SCRATCH = ".fitting-"
EPOCHS = 30
RATE = 1e-3  # random weights bear and need more than published ones
ENTRY = "Mixed_5b"  # what is below stays random: fitting all of it in minutes gives less (docs/decisions.md)
SHOWN = VideoSettings(flow="dis", short_side=128, crop=112)


def fit_from_scratch(settling: "Settling", shown: VideoSettings) -> VideoFit | None:
    """Fit I3D on the train split within `--fit-minutes`; None where there is too little to fit on.

    Decoded frames lie in a hidden folder of the cache meanwhile; one that a killed process left is removed.
    """
    settings = settling.settings
    for left in settling.cache.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    check_room(len(settling.train), shown, shutil.disk_usage(settling.cache).free)
    how = FinetuneSettings(
        batch=16, rate=RATE, patience=EPOCHS, epochs=EPOCHS, minutes=settings.fit_minutes, seed=settings.seed
    )
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=settling.cache) as scratch:
        return fit_video(
            settling.train,
            lambda stream, classes: from_scratch(stream, classes, settings.seed),
            shown,
            how,
            Path(scratch).resolve(),
            settling.map,
            settling.watcher,
            pick_device(settings.device),
            entry=ENTRY,
        )


def from_scratch(stream: str, classes: int, seed: int) -> Began:
    """A random network of a stream, its batch norms still to be set from clips."""
    return Began(random_stream(stream, seed, classes), calibrate=True, told=f"random weights, seed {seed}")
