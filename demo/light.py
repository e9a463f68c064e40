"""The light of a scene: from which side it comes, how strong and how warm it is."""

from math import cos, radians, sin

import numpy as np

_SUN = {"train": ((20.0, 70.0), (110.0, 160.0)), "test": ((75.0, 105.0),)}  # where the light comes from, degrees


def make_light(part: str, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A slope of brightness across the frame -> [height, width, 3] uint8; 255 leaves a colour as it is.

    The side that the light comes from is one of `part` ("train" or "test").
    """
    ranges = _SUN[part]
    low, high = ranges[int(rng.integers(len(ranges)))]
    angle = radians(rng.uniform(low, high))
    y, x = np.mgrid[0:height, 0:width] / height
    slope = x * cos(angle) + y * sin(angle)
    slope = (slope - slope.min()) / (slope.max() - slope.min())
    field = rng.uniform(0.86, 1.0) * (1.0 - rng.uniform(0.06, 0.24) * slope)
    warmth = rng.uniform(-1.0, 1.0)  # lamps are yellow, overcast windows are blue
    tint = np.array([1.0, 0.97 - 0.03 * abs(warmth), 1.0]) - 0.15 * np.array([max(-warmth, 0.0), 0.0, max(warmth, 0.0)])
    return np.asarray(np.round(field[:, :, None] * tint * 255), np.uint8)
