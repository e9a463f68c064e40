"""What a read-out needs to know of remembered items: sums over them, so that more can be added without the rest."""

from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Sums over items with memory vectors f [d] that count for category c by their shares s_c >= 0."""

    second: Tensor
    """sum of (sum_c s_c) f f^T, [d, d]"""
    sums: Tensor
    """sum of s_c f, [C, d]"""
    counts: Tensor
    """sum of s_c, [C]"""
    squares: Tensor
    """sum of s_c^2, [C]"""

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.second + other.second,
            self.sums + other.sums,
            self.counts + other.counts,
            self.squares + other.squares,
        )


def moments(vectors: Tensor, shares: Tensor) -> Moments:
    """Those of memory vectors [n, d], float64, and shares [n, C]: one-hot for what is known, a posterior times a weight
    for what is not."""
    # A square root on either side would be symmetric to the last digit, and cost another copy of a large bank.
    weighted = vectors * shares.sum(1)[:, None]
    return Moments(weighted.T @ vectors, shares.T @ vectors, shares.sum(0), shares.square().sum(0))


def together(parts: list[Moments]) -> Moments:
    """The sum of at least one."""
    return reduce(add, parts)


def scatter(known: Moments, means: Tensor) -> Tensor | None:
    """S_w [d, d], the scatter within categories around their means [C, d]; None where there is none to be seen.

    The sum of s_c (f - mu_c)(f - mu_c)^T over items and categories, by its degrees of freedom: the sum of all shares
    less sum_c (sum s_c^2 / sum s_c), which is one a category where shares are one-hot.
    """
    taken = torch.where(known.counts > 0, known.squares / known.counts.clamp_min(1e-300), 0).sum()
    freedom = known.counts.sum() - taken
    if not bool(freedom > 0.5):
        return None
    within: Tensor = (known.second - (means * known.counts[:, None]).T @ means) / freedom
    return within
