"""Reading a memory bank: slots in a whitened cosine.

A slot mu_c is the mean memory vector of what is remembered of category c. How far two memory vectors are apart is
measured in units of the scatter within categories (as in linear discriminant analysis, Fisher 1936; Rao 1948), in the
axes that the slots span, and by direction alone: M[x, c] = cos(P (W f(x) - m), P (W mu_c - m)) with
W = ((1 - l) S_w + l tr(S_w) / d I)^(-1/2), m the mean of W mu, and P the projection onto the span of W mu_c - m.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .bank import unit

RANK = 1e-12
FEWEST_AXES = 3
"""Of fewer there are hardly any directions (of one there are two), and M says too little: there the length of all of
W f(x) - m divides, and not that of its projection."""


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
    whole: tuple[Tensor, Tensor] | None
    """W [d, d] and m [d] where there are fewer than FEWEST_AXES axes, else None"""

    def similarities(self, vectors: Tensor) -> Tensor:
        """f(x) [N, d] -> M [N, C] in [-1, 1]; -1 with an empty slot."""
        seen = vectors @ self.axes
        return self.meeting(seen, self.beyond(vectors), self.middle, self.slots)

    def beyond(self, vectors: Tensor) -> Tensor:
        """The squared length of W f - m outside the axes, [N]; 0 where it does not count."""
        if self.whole is None:
            return vectors.new_zeros(len(vectors))
        whitener, middle = self.whole
        inside = (vectors @ self.axes - self.middle).square().sum(1)
        return ((vectors @ whitener - middle).square().sum(1) - inside).clamp_min(0)

    def meeting(self, seen: Tensor, beyond: Tensor, middle: Tensor, slots: Tensor) -> Tensor:
        """M [N, C] of vectors in the axes [N, s], with slots of unit length [C, s] around `middle` [s]."""
        away = seen - middle
        length = (away.square().sum(1) + beyond).sqrt()[:, None]
        met = away / torch.where(length > 0, length, 1) @ slots.T
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
    largest = spread.max().clamp_min(1e-300) if spread.numel() else spread.new_ones(())
    spanned = spanned[spread > RANK**0.5 * largest].T
    held = torch.zeros(len(slots.counts), spanned.shape[1], dtype=vectors.dtype, device=vectors.device)
    held[slots.filled] = unit((white - middle) @ spanned)
    whole = (slots.metric, middle) if spanned.shape[1] < FEWEST_AXES else None
    return Readout(slots.metric @ spanned, middle @ spanned, held, slots.filled, whole)


def _whitener(scatter: Tensor, shrinkage: float) -> Tensor:
    even = scatter.diagonal().mean()  # NaN where there is no axis at all
    identity = torch.eye(len(scatter), dtype=scatter.dtype, device=scatter.device)
    if not bool(even > 0):
        return identity
    values, vectors = torch.linalg.eigh((1 - shrinkage) * scatter + shrinkage * even * identity)
    whitener: Tensor = (vectors / values.clamp_min(RANK * values[-1]).sqrt()) @ vectors.T
    return whitener
