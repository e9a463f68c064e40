"""I3D fitted from random weights: the last resort of an extraction without video weights, with bounded work."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from ..media.two_streams import VideoSettings
from ..networks.i3d import random_stream
from .clips import check_room
from .i3d_settings import FinetuneSettings
from .train_part import TrainPart
from .video_fit import Began, VideoFit, fit_video

SCRATCH = ".fmn-fitting-"  # a name of our own: what has it is removed
EPOCHS = 30  # at most, where minutes bound the fitting
CLIPS, PASSES = 300, 4
"""Where nothing else does: at most so many clips, an equal number of each label, and passes over them a stream. It is
what five quiet minutes on two cores with bf16 allowed (docs/decisions.md)."""
LEARNING_RATE = 1e-3  # random weights bear and need more than published ones
ENTRY = "Mixed_5b"  # what is below stays random: fitting all of it in minutes gives less (docs/decisions.md)
SHOWN = VideoSettings(flow="dis", short_side=128, crop=112)
SMALL = VideoSettings(flow="dis", short_side=72, crop=64, window=32, fps=12.5)
"""For fitting all of it: windows as long as the published ones, of half the frames and a twelfth of the pixels."""


def fit_from_scratch(part: TrainPart, shown: VideoSettings) -> VideoFit | None:
    """Fit I3D on the train split, by `CLIPS` and `PASSES` or within the part's minutes; None where there is too little.

    Decoded frames lie in a hidden folder of the cache meanwhile; one that a killed process left is removed.
    """
    for left in part.folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    check_room(len(part.items), shown, shutil.disk_usage(part.folder).free)
    how = FinetuneSettings(batch=16, learning_rate=LEARNING_RATE, patience=EPOCHS, epochs=PASSES, seed=part.seed)
    if part.minutes is not None:
        how = replace(how, epochs=EPOCHS, minutes=part.minutes)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=part.folder) as scratch:
        return fit_video(
            part,
            lambda stream, classes: from_scratch(stream, classes, part.seed),
            shown,
            how,
            Path(scratch).resolve(),
            entry=ENTRY,
            most=CLIPS if part.minutes is None else None,
        )


def from_scratch(stream: str, classes: int, seed: int) -> Began:
    """A random network of a stream, its batch norms still to be set from clips."""
    return Began(random_stream(stream, seed, classes), calibrate=True, told=f"random weights, seed {seed}")
