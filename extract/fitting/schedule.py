"""The learning rate over a fitting."""

import math


def warm_cosine(step: int, steps: int) -> float:
    """Share of the learning rate: rising in the first tenth, since Adam's first steps are wild, then half a cosine."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm)))
