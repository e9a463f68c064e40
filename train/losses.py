"""The two losses of eq. 4: L = BCE(S, y) + lambda * L_triplet."""

import torch
from torch import Tensor

EDGE = 1e-6  # S is a product and may leave (0, 1) for other beta than +1; the logarithms want it inside


def matching_loss(scores: Tensor, match: Tensor) -> Tensor:
    """Binary cross entropy of S (paper eq. 4), matching and other pairs weighing half each.

    Args:
        scores: S [N, M].
        match: [N, M] bool, True where video and utterance belong together.

    Returns:
        Scalar. In a batch of B pairs of C kinds only 1 in C pairs matches; unweighted, "never" would be a good answer.
    """
    safe = scores.clamp(EDGE, 1 - EDGE)
    terms = [-torch.log(safe[match]), -torch.log1p(-safe[~match])]
    means = [term.mean() for term in terms if term.numel()]
    return torch.stack(means).mean()


def triplet_loss(p_video: Tensor, p_audio: Tensor, match: Tensor, margin: float) -> Tensor:
    """Triplet ranking loss over every triplet of the batch, both directions (paper eq. 1, 2).

    max(0, cos(a, v-) - cos(a, v+) + margin) over all utterances a, matching v+ and other v-; and roles exchanged.

    Args:
        p_video: [B, common], unit length. p_audio: [B, common], unit length.
        match: [B, B] bool, row = video, column = utterance.
        margin: in cosine, >= 0.

    Returns:
        Scalar: the mean over the triplets that still violate their margin (0 when none does), both directions added.
    """
    cosine = p_video @ p_audio.T
    return _one_way(cosine, match, margin) + _one_way(cosine.T, match.T, margin)


def _one_way(cosine: Tensor, match: Tensor, margin: float) -> Tensor:
    """Row = anchor, column = candidate: hinge [B, positive, negative], averaged over the violating triplets."""
    hinge = (cosine[:, None, :] - cosine[:, :, None] + margin).clamp_min(0)
    valid = match[:, :, None] & ~match[:, None, :]
    violating = valid & (hinge > 0)
    return torch.where(valid, hinge, hinge.new_zeros(())).sum() / violating.sum().clamp_min(1)
