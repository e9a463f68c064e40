"""Reading a memory bank: slots in a whitened cosine.

A slot mu_c is the mean memory vector of what is remembered of category c. How far two memory vectors are apart is
measured in units of the scatter within categories (as in linear discriminant analysis, Fisher 1936; Rao 1948), and by
direction alone: M[x, c] = cos(W f(x) - m, W mu_c - m), W = ((1 - l) S_w + l tr(S_w) / d I)^(-1/2), m the mean of W mu.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .bank import unit

RANK = 1e-12


@dataclass(frozen=True)
class Readout:
    """What turns memory vectors into similarities with the slots."""

    axes: Tensor
    """[d, s]: W, then the s <= C - 1 axes that the slots span"""
    middle: Tensor
    """m in those axes, [s]"""
    slots: Tensor
    """[C, s], of unit length; zeros for a category of which nothing is remembered"""
    filled: Tensor
    """which categories have a slot, bool [C]"""

    def similarities(self, vectors: Tensor) -> Tensor:
        """f(x) [N, d] -> M [N, C] in [-1, 1]; -1 with an empty slot."""
        met = unit(vectors @ self.axes - self.middle) @ self.slots.T
        return torch.where(self.filled, met, -1.0).clamp(-1, 1)


@dataclass(frozen=True)
class Slots:
    """The mean memory vectors of categories, and the metric in which they are met."""

    means: Tensor
    """mu [C, d]; zeros for a category of which nothing is remembered"""
    counts: Tensor
    """the sum of shares of each, [C]"""
    metric: Tensor
    """W [d, d], symmetric"""

    @property
    def filled(self) -> Tensor:
        """Which categories have a slot, bool [C]."""
        return self.counts > RANK


def slots_of(vectors: Tensor, shares: Tensor, shrinkage: float) -> Slots:
    """Slots and metric of remembered memory vectors; arguments as of `write`."""
    counts = shares.sum(0)
    means = (shares.T @ vectors) / counts.clamp_min(RANK)[:, None]
    within = (vectors * shares.sum(1)[:, None]).T @ vectors - (means * counts[:, None]).T @ means
    freedom = counts.sum() - (counts > RANK).sum()
    scatter = within / freedom if bool(freedom > 0.5) else torch.zeros_like(within)
    return Slots(means, counts, _whitener(scatter, shrinkage))


def write(vectors: Tensor, shares: Tensor, shrinkage: float) -> Readout:
    """The read-out of remembered memory vectors.

    Args:
        vectors: f [n, d], float64.
        shares: [n, C] >= 0, how much of an item counts for a category: one-hot for what is known, a posterior times a
            weight for what is not.
        shrinkage: l in [0, 1], towards a scatter alike in all directions; 1 leaves the plain cosine between category
            means. Where no category has two items there is no scatter, and the same happens. The scatter S_w is the sum
            of share (f - mu)(f - mu)^T over items and categories, by the sum of all shares less the categories.
    """
    slots = slots_of(vectors, shares, shrinkage)
    white = slots.means[slots.filled] @ slots.metric
    middle = white.mean(0)
    _, spread, spanned = torch.linalg.svd(white - middle, full_matrices=False)
    spanned = spanned[spread > RANK**0.5 * spread.max().clamp_min(1e-300)].T
    held = torch.zeros(len(slots.counts), spanned.shape[1], dtype=vectors.dtype, device=vectors.device)
    held[slots.filled] = unit((white - middle) @ spanned)
    return Readout(slots.metric @ spanned, middle @ spanned, held, slots.filled)


def _whitener(scatter: Tensor, shrinkage: float) -> Tensor:
    even = scatter.diagonal().mean()
    identity = torch.eye(len(scatter), dtype=scatter.dtype, device=scatter.device)
    if not bool(even > 0):
        return identity
    values, vectors = torch.linalg.eigh((1 - shrinkage) * scatter + shrinkage * even * identity)
    whitener: Tensor = (vectors / values.clamp_min(RANK * values[-1]).sqrt()) @ vectors.T
    return whitener
