"""One extracted item: what the writer takes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fmn.item import Item


@dataclass(frozen=True, eq=False)
class Row:
    """An item with its features.

    `features` is [d] and finite, kept as float32. `seconds` is the duration that was read, `windows` the number of
    windows the features were averaged over, `repeated` the number of frames that repeat-padding added (0 = none).
    `notes`: what was done to its pictures or sound before, in phrases of one line each ("deinterlaced").

    Raises ValueError where the features are not a finite vector or a number is out of range.
    """

    item: Item
    features: npt.NDArray[np.float32]
    seconds: float
    windows: int
    repeated: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        given: npt.NDArray[Any] = np.asarray(self.features)
        if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "fiu":
            raise ValueError(
                f"The features of {self.item.id!r} must be one vector of numbers, not {given.dtype}{list(given.shape)}."
            )
        with np.errstate(over="ignore"):
            features = np.array(given, dtype=np.float32)  # a copy: the caller's buffer may be reused
        if not np.isfinite(features).all():
            bad = int((~np.isfinite(features)).sum())
            raise ValueError(f"The features of {self.item.id!r} must be finite, but {bad} of {features.size} are not.")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"The seconds of {self.item.id!r} must be finite and at least 0, not {self.seconds}.")
        if self.windows < 0 or self.repeated < 0:
            raise ValueError(
                f"windows and repeated of {self.item.id!r} must be at least 0, not {self.windows} and {self.repeated}."
            )
        if not all(note and note.isprintable() for note in self.notes):
            raise ValueError(f"The notes of {self.item.id!r} must be phrases of one line, not {self.notes}.")
        features.flags.writeable = False
        object.__setattr__(self, "features", features)
