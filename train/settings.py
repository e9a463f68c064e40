"""How an FMN is fitted: the schedule, the losses' weights and the seed. All of it is saved in the run."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from fmn.errors import InputError


@dataclass(frozen=True)
class TrainSettings:
    """The paper's schedule (Adam, 500 epochs of batches of 64) with early stopping on the validation part.

    `patience`: epochs without a better validation mAP before the fitting ends, 0 = never. `validation`: share of the
    train split that is held out, per label (groups whole). `triplet`: lambda of eq. 4. `margin`: of eq. 1, in cosine.
    """

    epochs: int = 500
    batch: int = 64
    rate: float = 1e-3
    decay: float = 1e-4
    triplet: float = 1.0
    margin: float = 0.2
    patience: int = 60
    validation: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"Training needs {name} of at least 1, got {getattr(self, name)}.")
        if not 0 < self.rate <= 1:
            raise InputError(f"The learning rate is above 0 and at most 1, got {self.rate}.")
        for name in ("decay", "triplet", "margin", "patience"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"Training needs a {name} of at least 0, got {getattr(self, name)}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"The seed is a whole number from 0 to {2**32 - 1}, got {self.seed}.")
        if not 0 <= self.validation < 1:
            raise InputError(f"The validation share lies in [0, 1), got {self.validation}.")

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)
