"""Annotated frame numbers -> seconds that cut out these frames and no others."""

import math
from fractions import Fraction

HIGHEST_RATE = 500  # frames a second; one that is shorter than 2 ms may hold no whole millisecond


def frame_times(first: int, last: int, rate: float) -> tuple[float, float]:
    """(start, end) in seconds, `end` exclusive, of the frames `first` to `last`, both inclusive, counted from 1.

    Frame k of a video of `rate` frames a second is shown during [(k - 1) / rate, k / rate). Both ends are whole
    milliseconds, rounded inwards: rounded to the nearest, every second clip would begin with the frame before its
    first one, and many containers (mkv, webm, flv) round the frames' own times to milliseconds.

    Raises:
        ValueError: no interval (first below 1, last before first), or the rate out of range.
    """
    if not 1 <= first <= last or not 0 < rate <= HIGHEST_RATE:
        raise ValueError(
            f"frames are 1 <= first <= last at 0 < rate <= {HIGHEST_RATE}, not {first} to {last} at {rate}"
        )
    exact = Fraction(repr(float(rate)))  # 29.4 is 147/5, not the double next to it
    return math.ceil((first - 1) * 1000 / exact) / 1000, math.floor(last * 1000 / exact) / 1000
