"""Means over seeds and how sure they are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds; `std` (n - 1) and the 95 % t-interval `low` to `high` are NaN for a single one."""

    mean: float
    std: float
    low: float
    high: float
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation and the t-interval mean +- t(0.975, n - 1) std / sqrt(n) of at least one number."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, n)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * std / math.sqrt(n)
    return Estimate(mean, std, mean - half, mean + half, n)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """ours - theirs, paired seed by seed; a side with one value (no chance in it) is paired with every seed."""
    return estimate([a - b for a, b in _paired(ours, theirs)])


def relative_gain(ours: Sequence[float], theirs: Sequence[float]) -> Estimate | None:
    """ours / theirs - 1, paired as in `difference`; None where a value of theirs is not above 0."""
    pairs = _paired(ours, theirs)
    if any(b <= 0 for _, b in pairs):
        return None
    return estimate([a / b - 1 for a, b in pairs])


def _paired(ours: Sequence[float], theirs: Sequence[float]) -> list[tuple[float, float]]:
    n = max(len(ours), len(theirs))
    ours, theirs = ([*side] * n if len(side) == 1 else side for side in (ours, theirs))
    return list(zip(ours, theirs, strict=True))
