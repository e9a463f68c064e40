"""How an FMN is fitted: the schedule, the losses' weights and the seed. All of it is saved in the run."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from fmn.errors import InputError
from fmn.retrieval.network import FmnConfig

from .losses import NEGATIVES

AS_PRINTED: dict[str, Any] = {
    "beta": -1.0,
    "keys": "raw",
    "maximum": "hard",
    "projection": "linear",
    "fusion": "head",
    "slots": "paired",
    "triplet": 1.0,
    "ranking": 0.0,
}
"""The paper's letter, eq. 1 to 4: fields of `FmnConfig` and of `TrainSettings`. In training only matching pairs are
written, as in the default; with `writes` "score" S1 > T1 alone decides."""


@dataclass(frozen=True)
class TrainSettings:
    """The paper's schedule (Adam, 500 epochs of batches of 64) with early stopping on the validation part.

    `patience`: epochs without a better validation mAP before the fitting ends, 0 = never. `validation`: share of the
    train split that is held out, per label (groups whole). `triplet`: lambda of eq. 4. `margin`: of eq. 1, in cosine.
    `ranking`: weight of the softmax ranking of the cosines times `scale`, see `fmn.train.losses.ranking_loss`.
    `writes`: which pairs the memory is offered: "label", the matching ones; "score", as many that do not match as well,
    so that S1 > T1 alone decides (not with one slot a category, which the labels tell apart).
    `negatives`: which others form the triplets, see `fmn.train.losses.triplet_loss`.
    """

    epochs: int = 500
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-4
    triplet: float = 0.0
    margin: float = 0.2
    ranking: float = 1.0
    scale: float = 4.0
    patience: int = 40
    validation: float = 0.2
    writes: str = "label"
    seed: int = 0
    negatives: str = "all"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "patience", "seed"):
            if not isinstance(getattr(self, name), int):
                raise InputError(f"Training needs a whole number as {name}, got {getattr(self, name)!r}.")
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"Training needs {name} of at least 1, got {getattr(self, name)}.")
        if not 0 < self.rate <= 1:
            raise InputError(f"The learning rate is above 0 and at most 1, got {self.rate}.")
        if not 0 < self.scale < math.inf:
            raise InputError(f"The softmax ranking needs a scale above 0, got {self.scale}.")
        for name in ("decay", "triplet", "margin", "ranking", "patience"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"Training needs a {name} of at least 0, got {getattr(self, name)}.")
        if self.writes not in ("label", "score"):
            raise InputError(f"The memory is offered pairs by label or by score; got writes {self.writes!r}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"The seed is a whole number from 0 to {2**32 - 1}, got {self.seed}.")
        if self.negatives not in NEGATIVES:
            raise InputError(f"Triplets are formed with negatives {', '.join(NEGATIVES)}; got {self.negatives!r}.")
        if not 0 <= self.validation < 1:
            raise InputError(f"The validation share lies in [0, 1), got {self.validation}.")

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def parted(setting: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A setting's fields of `FmnConfig` and those of `TrainSettings`; InputError for a name that is of neither."""
    shape, schedule = ({each.name for each in fields(cls)} for cls in (FmnConfig, TrainSettings))
    unknown = sorted(setting.keys() - shape - schedule)
    if unknown:
        raise InputError(f"FMN has no setting {', '.join(unknown)}.")
    of_shape = {key: value for key, value in setting.items() if key in shape}
    return of_shape, {key: value for key, value in setting.items() if key in schedule}
