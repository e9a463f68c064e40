"""Colours of a part: each range of hue, saturation and value is cut into bins, and train and test never share one."""

import colorsys
from collections.abc import Sequence

import numpy as np

from .pen import Colour

_BINS = 7
_OF_PART = {"train": (0, 1, 3, 5, 6), "test": (2, 4)}

Range = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""Hue in degrees, saturation and value in percent; (low, high) each."""

RANGES: dict[str, Range] = {
    "apple": ((350, 366), (72, 88), (72, 88)),
    "cucumber": ((96, 126), (55, 75), (42, 60)),
    "orange": ((24, 34), (85, 96), (90, 99)),
    "onion": ((308, 330), (38, 55), (50, 66)),
    "lemon": ((50, 57), (72, 88), (90, 98)),
    "radish": ((336, 348), (55, 75), (78, 90)),
    "milk": ((40, 60), (2, 8), (94, 99)),
    "oil": ((44, 50), (75, 90), (78, 90)),
    "salt": ((0, 60), (0, 4), (95, 100)),
    "spice": ((8, 20), (75, 90), (52, 68)),
    "carton": ((200, 230), (55, 80), (65, 85)),
    "steel": ((200, 230), (3, 10), (66, 80)),
    "iron": ((200, 260), (4, 14), (20, 32)),
    "glass": ((180, 205), (10, 20), (80, 90)),
    "china": ((190, 230), (3, 14), (88, 98)),
    "wood": ((26, 36), (38, 55), (62, 78)),
    "handle": ((0, 360), (30, 70), (25, 50)),
    "skin": ((16, 28), (28, 52), (58, 92)),
    "sleeve": ((0, 360), (25, 60), (35, 80)),
    "water": ((196, 208), (25, 40), (88, 97)),
    "wall": ((0, 360), (5, 22), (66, 88)),
    "counter": ((18, 50), (8, 32), (46, 74)),
}

# Sorts that look different: one of them, or the range above, is drawn with equal chances.
SORTS: dict[str, tuple[Range, ...]] = {
    "apple": (((70, 88), (60, 75), (68, 82)), ((44, 52), (55, 70), (84, 94))),
    "onion": (((30, 38), (55, 72), (68, 82)), ((48, 60), (6, 16), (88, 96))),
    "radish": (((60, 90), (3, 10), (90, 97)),),
    "cucumber": (((84, 98), (50, 65), (58, 74)),),
    "wood": (((20, 30), (45, 60), (36, 50)),),
    "china": (((10, 40), (30, 50), (78, 92)), ((150, 220), (25, 45), (62, 80))),
    "spice": (((120, 140), (40, 60), (38, 52)), ((44, 50), (70, 85), (78, 90))),
    "carton": (((100, 140), (45, 65), (55, 75)), ((345, 365), (60, 80), (70, 85))),
}


def colour(name: str, part: str, rng: np.random.Generator) -> Colour:
    """One colour of `name` (a key of `RANGES`), from the bins of `part` ("train" or "test")."""
    return colour_of((RANGES[name], *SORTS.get(name, ())), part, rng)


def colour_of(sorts: Sequence[Range], part: str, rng: np.random.Generator) -> Colour:
    """One colour of one of the ranges, each as likely as the others, from the bins of `part`."""
    chosen = sorts[int(rng.integers(len(sorts)))]
    hue, saturation, value = (_draw(low, high, part, rng) for low, high in chosen)
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation / 100, value / 100)
    return round(red * 255), round(green * 255), round(blue * 255)


def _draw(low: float, high: float, part: str, rng: np.random.Generator) -> float:
    chosen = rng.choice(_OF_PART[part])
    return low + (high - low) * (float(chosen) + rng.random()) / _BINS
