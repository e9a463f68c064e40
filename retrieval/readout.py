"""Reading a memory bank: slots in a whitened cosine.

A slot mu_c is the mean memory vector of what is remembered of category c. How far two memory vectors are apart is
measured in units of the scatter within categories (as in linear discriminant analysis, Fisher 1936; Rao 1948), in the
axes that the slots span, and by direction alone: M[x, c] = cos(P (W f(x) - m), P (W mu_c - m)) with
W a root of ((1 - l) S_w + l tr(S_w) / d I)^-1, m the mean of W mu, and P the projection onto the span of W mu_c - m.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .bank import unit
from .moments import Moments, scatter

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
    filled: Tensor
    """which categories have a slot, bool [C]"""
    metric: Tensor
    """W [d, d], on the right of rows"""


def slots_of(known: Moments, shrinkage: float) -> Slots:
    """Slots and metric of remembered items; `shrinkage` as of `write`."""
    means = known.sums / known.counts.clamp_min(RANK)[:, None]
    return Slots(means, known.counts > RANK, _whitener(scatter(known, means), shrinkage, means))


def write(known: Moments, shrinkage: float) -> Readout:
    """The read-out of remembered items.

    Args:
        known: the moments of their memory vectors, float64.
        shrinkage: l in [0, 1], towards a scatter alike in all directions; 1 leaves the plain cosine between category
            means. Where no category has two items there is no scatter, and the same happens.
    """
    slots = slots_of(known, shrinkage)
    white = slots.means[slots.filled] @ slots.metric
    middle = white.mean(0)
    _, spread, spanned = torch.linalg.svd(white - middle, full_matrices=False)
    largest = spread.max().clamp_min(1e-300) if spread.numel() else spread.new_ones(())
    spanned = spanned[spread > RANK**0.5 * largest].T
    held = torch.zeros(len(slots.filled), spanned.shape[1], dtype=white.dtype, device=white.device)
    held[slots.filled] = unit((white - middle) @ spanned)
    whole = (slots.metric, middle) if spanned.shape[1] < FEWEST_AXES else None
    return Readout(slots.metric @ spanned, middle @ spanned, held, slots.filled, whole)


def _whitener(within: Tensor | None, shrinkage: float, like: Tensor) -> Tensor:
    """W with W^T ((1 - l) S_w + l tr(S_w) / d I) W = I; the identity where there is no scatter."""
    identity = torch.eye(like.shape[1], dtype=like.dtype, device=like.device)
    if within is None:
        return identity
    even = within.diagonal().mean()  # NaN where there is no axis at all
    if not bool(even > 0):
        return identity
    shrunk = (1 - shrinkage) * within + shrinkage * even * identity
    # Any W will do, for they differ by a rotation, which no cosine sees; this one costs a tenth of the symmetric one.
    lower, failed = torch.linalg.cholesky_ex(shrunk)
    if not bool(failed) and bool(lower.diagonal().square().min() > RANK * even):
        whitener: Tensor = torch.linalg.solve_triangular(lower, identity, upper=False).T
        return whitener
    values, vectors = torch.linalg.eigh(shrunk)
    whitener = vectors / values.clamp_min(RANK * values[-1]).sqrt()
    return whitener
