"""What one video looks like beyond its category: colours, sizes, tempo and phase."""

from dataclasses import dataclass

import numpy as np

from .palette import RANGES, colour
from .pen import Colour


@dataclass(frozen=True)
class Look:
    """paint: a colour for each range of the palette. size: of the subject, around 1. tempo: around 1. phase: 0 to 1.

    scatter [64, 3]: uniform numbers in 0 to 1 from which drops, grains and flakes take their place and delay.
    """

    paint: dict[str, Colour]
    size: float
    tempo: float
    phase: float
    scatter: np.ndarray


def make_look(part: str, rng: np.random.Generator) -> Look:
    """Draw a look; its colours come from the palette of `part`."""
    paint = {name: colour(name, part, rng) for name in RANGES}
    return Look(paint, rng.uniform(0.9, 1.12), rng.uniform(0.8, 1.25), rng.random(), rng.random((64, 3)))
