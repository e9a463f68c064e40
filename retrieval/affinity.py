"""Categories that stand for one another where each of them has but one item.

The metric is the scatter within categories, and one item has none. There the noise is what differs between categories
that are alike in both modalities: each item counts for every category by the affinity of its own with that one, so that
the scatter, and the slots too, are taken over neighbours (as in local Fisher discriminant analysis, Sugiyama 2007,
whose neighbours lie within a category; here both modalities find them, as a clip and its recording are one thing).
"""

import torch
from torch import Tensor

from .bank import unit

TEMPERATURE = 2.0
"""Of the softmax over categories, in standard deviations of the cosines; 0.7 to 2 give the same."""
SHRINKAGE = 0.4
"""At least: what is alike was guessed."""
MOST = 10_000
"""Categories, of more none borrows: every pair of them would be held in memory, some 5 GB."""
FEWEST = 3
"""Categories, of fewer no spread of cosines can be told."""


def lone(labels: Tensor) -> bool:
    """Whether categories have fewer than two items on average, and are not too many; labels one-hot [n, C]."""
    return labels.shape[1] <= MOST and bool(labels.sum() < 2 * (labels.sum(0) > 0).sum())


def affinity(means: list[tuple[Tensor, Tensor]], filled: Tensor) -> Tensor:
    """How much an item of a category (row) counts for another one (column): [C, C], rows of sum 1.

    softmax over c' of (sum over modalities of cos(mu_c, mu_c') / s) / T, with s the standard deviation of that
    modality's cosines between different categories.

    Args:
        means: of each modality, the mean memory vectors [C, d] and which categories have one, bool [C].
        filled: bool [C], which categories may be counted for; others get nothing, and their own rows are the identity.
    """
    count = len(filled)
    identity = torch.eye(count, dtype=means[0][0].dtype, device=filled.device)
    alike = torch.zeros_like(identity)
    for mean, there in means:
        if int(there.sum()) < FEWEST:
            continue
        cosines = unit(mean) @ unit(mean).T
        both = there[:, None] & there[None, :]
        spread = cosines[both & (identity == 0)].std()
        if bool(spread > 1e-6):  # not rounding alone
            alike = alike + torch.where(both, cosines / spread, 0.0)
    if not bool(alike.any()):
        return identity
    found = torch.softmax((alike / TEMPERATURE).masked_fill(~filled, -torch.inf), dim=1)
    return torch.where(filled[:, None], found, identity)
