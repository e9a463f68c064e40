"""What a user may choose about an extraction."""

import re
from dataclasses import dataclass

from fmn.errors import InputError

from ..media.flow_methods import CHOICES

FLOWS = ("auto", *CHOICES)
AUTO = ("", "auto")  # weights that nobody named
RANDOM = re.compile(r"random:(\d{1,9})")  # weights drawn from a seed


@dataclass(frozen=True)
class ExtractSettings:
    """Settings of `extract`.

    `video_weights`: "auto", "random:SEED" or a file; for i3d "RGB[,FLOW]". `audio_weights`: a file, or "" for what the
    encoder does by itself: fitting on the train split (bilstm, musimnet), looking for published weights (musicnn,
    vggish), nothing (vmnet). `flow`, of i3d: "auto" is what the weights saw, tvl1 for published ones and dis for
    untrained ones and those fitted here; encoders without a flow stream refuse a named method. `short_side`, `crop`:
    pixels; `window`: frames at `fps`, of i3d; None is what the weights were made for (published: 256, 224, 64 at 25).
    `train`: share of the items that are not test. `fit_minutes`: bound on the fitting of each encoder that is fitted
    here. `workers`: local processes.
    """

    video_encoder: str = "i3d"
    audio_encoder: str = "bilstm"
    video_weights: str = "auto"
    audio_weights: str = ""
    flow: str = "auto"
    short_side: int | None = None
    crop: int | None = None
    window: int | None = None
    fps: float | None = None
    train: float = 0.7
    seed: int = 0
    fit_minutes: float = 5.0
    workers: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.flow not in FLOWS:
            raise InputError(f"--flow is one of {', '.join(FLOWS)}; got {self.flow!r}.")
        if not 0 < self.train < 1:
            raise InputError(f"The share of the train split lies between 0 and 1, got {self.train}.")
        if self.workers < 1:
            raise InputError(f"Extraction needs at least 1 worker, got {self.workers}.")
        if self.crop is not None and self.crop < 32:
            raise InputError(f"Video needs a crop of at least 32 pixels, got {self.crop}.")
        if self.short_side is not None and self.short_side < (self.crop or 32):
            raise InputError(f"The short side must hold the crop of {self.crop or 32} pixels, got {self.short_side}.")
        if self.window is not None and self.window < 8:
            raise InputError(f"I3D needs windows of at least 8 frames, got {self.window}.")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise InputError(f"The frame rate is above 0 and at most 1000, got {self.fps}.")
        if not 0 < self.fit_minutes <= 100_000:
            raise InputError(f"--fit-minutes is above 0 and at most 100000, got {self.fit_minutes}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"The seed is a whole number from 0 to {2**32 - 1}, got {self.seed}.")

    def frame_sizes(self, short_side: int, crop: int) -> tuple[int, int]:
        """(short side, crop) in pixels: those asked for, else the given ones; one alone keeps their proportion."""
        if self.crop is None:
            asked = self.short_side or short_side
            return asked, max(1, round(asked * crop / short_side))
        return self.short_side or -(-self.crop * short_side // crop), self.crop
