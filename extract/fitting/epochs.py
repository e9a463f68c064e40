"""The epochs of a fitting: which one is the best, the learning rate over them, and what a fitting says of itself."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """One pass: mean loss of the fitted items; accuracy (0..1) and loss of the validation part, None without one.

    Of an I3D stream, number 0 is the fitted head on the network as it began.
    """

    number: int
    loss: float
    accuracy: float | None
    validation_loss: float | None
    seconds: float

    @property
    def rank(self) -> tuple[float, float]:
        """The best epoch has the largest: the best accuracy, and of equal ones the least validation loss."""
        return self.accuracy or 0.0, -(self.validation_loss or 0.0)


@dataclass(frozen=True)
class FitReport:
    """What a fitting on recordings did.

    method: "labels", "items" (every recording its own class, for want of two labels) or "none".
    classes, items, held_out, epochs: counts; unused: held-out recordings whose label no fitted one has.
    best_epoch: the one whose weights were kept, the best on the validation part, or the last one where there is no such
    part; 0 = none. accuracy: its share of the validation part, 0 to 1.
    cut: the minutes bounded it, at least for a while, so the result depends on the speed of the machine.
    warning: one sentence, or "".
    """

    method: str
    classes: int
    items: int
    held_out: int
    epochs: int
    best_epoch: int
    accuracy: float | None
    cut: bool
    seconds: float
    warning: str
    unused: int = 0


def warm_cosine(step: int, steps: int) -> float:
    """Share of the learning rate: rising in the first tenth, since Adam's first steps are wild, then half a cosine."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm)))
