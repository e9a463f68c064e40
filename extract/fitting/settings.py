"""How a video stream is fitted."""

from dataclasses import dataclass

from fmn.errors import InputError

from ..networks.i3d import MIXED

STAGES = ("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3", *MIXED)
OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "bf16", "fp32")


@dataclass(frozen=True)
class FinetuneSettings:
    """How one I3D stream is fitted.

    epochs: passes over the clips, a random window of each. batch: clips a step; accumulate: steps whose gradients are
    summed into one update. rate: highest learning rate, reached after a tenth of the updates and falling to zero along
    a half cosine. head_rate: times the rate, for the classifier. frozen_until: stages before this one stay as they are,
    their batch norms too ("" = none). patience: epochs without a better validation part. minutes: a stream's bound;
    fewer epochs are planned where they would take longer. mirror: a clip's mirror image shows the same (not so for
    writing). precision: of the forward and backward pass; "auto" is bf16
    where the device computes in it.
    """

    epochs: int = 30
    batch: int = 8
    accumulate: int = 1
    rate: float = 1e-4
    head_rate: float = 1.0
    optimiser: str = "adamw"
    weight_decay: float = 1e-2
    smoothing: float = 0.1
    dropout: float = 0.5
    frozen_until: str = ""
    patience: int = 8
    minutes: float = 100_000.0
    mirror: bool = True
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.accumulate, self.patience) < 1 or min(self.rate, self.minutes) <= 0:
            raise InputError(
                "Fitting needs epochs, batch, accumulate and patience of 1 or more, rate and minutes above 0; got "
                f"epochs {self.epochs}, batch {self.batch}, accumulate {self.accumulate}, patience {self.patience}, "
                f"rate {self.rate}, minutes {self.minutes}."
            )
        if self.optimiser not in OPTIMISERS:
            raise InputError(f"The optimiser is one of {', '.join(OPTIMISERS)}; got {self.optimiser!r}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"The precision is one of {', '.join(PRECISIONS)}; got {self.precision!r}.")
        if self.frozen_until and self.frozen_until not in STAGES:
            raise InputError(f"I3D is frozen until one of {', '.join(STAGES)}; got {self.frozen_until!r}.")
        if not (0 <= self.smoothing < 1 and 0 <= self.dropout < 1 and self.weight_decay >= 0 and self.head_rate > 0):
            raise InputError(
                "Fitting needs smoothing and dropout in [0, 1), weight_decay of at least 0 and head_rate above 0; got "
                f"{self.smoothing}, {self.dropout}, {self.weight_decay} and {self.head_rate}."
            )
