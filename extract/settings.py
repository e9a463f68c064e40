"""What a user may choose about an extraction."""

from dataclasses import dataclass

from fmn.errors import InputError

FLOWS = ("auto", "tvl1", "dis", "none")


@dataclass(frozen=True)
class ExtractSettings:
    """Settings of `extract`.

    `video_weights`: "auto", "random:SEED" or a file; for i3d "RGB.pt[,FLOW.pt]". `audio_weights`: a file, or "" for
    what the encoder does by itself: fitting on the train split (bilstm, musimnet), looking for published weights
    (musicnn, vggish), nothing (vmnet). `flow`, of i3d: "auto" is tvl1 for given or published weights, which saw TV-L1,
    and dis for untrained ones, which saw nothing; encoders without a flow stream refuse a named method.
    `short_side`, `crop`: pixels; `window`: frames at `fps`, of i3d. `train`: share of the items that are not test.
    `fit_minutes`: bound on the fitting of the audio encoder. `workers`: local processes.
    """

    video_encoder: str = "i3d"
    audio_encoder: str = "bilstm"
    video_weights: str = "auto"
    audio_weights: str = ""
    flow: str = "auto"
    short_side: int = 256
    crop: int = 224
    window: int = 64
    fps: float = 25.0
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
        if self.crop < 32 or self.short_side < self.crop:
            raise InputError(
                f"Video needs a crop of at least 32 pixels that fits the short side; got crop {self.crop}, short side "
                f"{self.short_side}."
            )
        if self.window < 8:
            raise InputError(f"I3D needs windows of at least 8 frames, got {self.window}.")
        if not 0 < self.fps <= 1000:
            raise InputError(f"The frame rate is above 0 and at most 1000, got {self.fps}.")
        if not 0 < self.fit_minutes <= 100_000:
            raise InputError(f"--fit-minutes is above 0 and at most 100000, got {self.fit_minutes}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"The seed is a whole number from 0 to {2**32 - 1}, got {self.seed}.")
