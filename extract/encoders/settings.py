"""What a user may choose about an extraction."""

import re
from typing import Annotated

from fmn.checked import checked, rule
from fmn.child import GIB, Limits
from fmn.errors import InputError
from fmn.workers import check_workers

from ..media.flow_methods import CHOICES
from ..media.frames import FPS
from ..media.sizes import CROP, SHORT_SIDE, check_window
from ..media.windows import LENGTH

FLOWS = ("auto", *CHOICES)
AUTO = ("", "auto")  # weights that nobody named
RANDOM = re.compile(r"random:(\d{1,9})")  # weights drawn from a seed


@checked("Extraction")
class ExtractSettings:
    """Settings of `extract`.

    `video_weights`: "auto", "random:SEED" or a file; for i3d "RGB[,FLOW]". `audio_weights`: a file, or "" for what the
    encoder does by itself: fitting on the train split (bilstm, musimnet), looking for published weights (musicnn,
    vggish), nothing (vmnet). `flow`, of i3d: "auto" is what the weights saw, tvl1 for published ones and dis for
    untrained ones and those fitted here; encoders without a flow stream refuse a named method. `short_side`, `crop`:
    pixels; `window`: frames at `fps`, of i3d; None is what the weights were made for (published: 256, 224, 64 at 25).
    `train`: share of the items that are not test. `fit_minutes`: bound on the fitting of each encoder that is fitted
    here; None is a fixed amount of work, the same on every machine. `workers`: local processes; 0 works in this one.
    `item_stall`: seconds without a sign of life after which an item is given up, `item_memory`: GiB that it may take;
    with workers only. `scheduler`: of a Dask cluster in place of local workers, tcp://HOST:PORT or the path of a
    scheduler file.
    """

    video_encoder: str = "i3d"
    audio_encoder: str = "bilstm"
    video_weights: str = "auto"
    audio_weights: str = ""
    flow: Annotated[str, rule(lambda v: v in FLOWS, f"--flow is one of {', '.join(FLOWS)}; got {{value!r}}.")] = "auto"
    short_side: int | None = None
    crop: Annotated[
        int | None, rule(lambda v: v is None or v >= 32, "Video needs a crop of at least 32 pixels, got {value}.")
    ] = None
    window: Annotated[
        int | None, rule(lambda v: v is None or v >= 8, "I3D needs windows of at least 8 frames, got {value}.")
    ] = None
    fps: float | None = None
    train: Annotated[
        float, rule(lambda v: 0 < v < 1, "The share of the train split lies between 0 and 1, got {value}.")
    ] = 0.7
    seed: Annotated[
        int, rule(lambda v: 0 <= v < 2**32, f"The seed is a whole number from 0 to {2**32 - 1}, got {{value}}.")
    ] = 0
    fit_minutes: Annotated[
        float | None,
        rule(lambda v: v is None or 0 < v <= 100_000, "--fit-minutes is above 0 and at most 100000, got {value}."),
    ] = None
    workers: int = 1
    device: str = "auto"
    item_stall: float = Limits.stall
    item_memory: float = Limits.memory / GIB
    scheduler: str = ""

    @property
    def limits(self) -> Limits:
        """What an item may take. InputError where that is nothing or without bound."""
        return Limits(self.item_stall, self.item_memory * GIB)

    def __post_init__(self) -> None:
        _ = self.limits
        if self.short_side is not None and self.short_side < (self.crop or 32):
            raise InputError(f"The short side must hold the crop of {self.crop or 32} pixels, got {self.short_side}.")
        check_workers(self.workers, 0)
        short_side, crop = self.frame_sizes(SHORT_SIDE, CROP)
        check_window(short_side, crop, self.window or LENGTH, FPS if self.fps is None else self.fps)

    def frame_sizes(self, short_side: int, crop: int) -> tuple[int, int]:
        """(short side, crop) in pixels: those asked for, else the given ones; one alone keeps their proportion."""
        if self.crop is None:
            asked = self.short_side or short_side
            return asked, max(1, round(asked * crop / short_side))
        return self.short_side or -(-self.crop * short_side // crop), self.crop
