"""The losses of eq. 4, L = BCE(S, y) + lambda * L_triplet, and the softmax ranking that may stand in for triplets."""

import torch
from torch import Tensor
from torch.nn import functional

from fmn.errors import InputError

NEGATIVES = ("all", "random", "semi-hard", "hardest")
NEVER = -1e9  # a logit that counts for nothing; -inf would have no gradient where all of a row match
EDGE = 1e-6  # S is a product and may leave (0, 1) for other beta than +1; the logarithms want it inside


def matching_loss(scores: Tensor, match: Tensor) -> Tensor:
    """Binary cross entropy of S (paper eq. 4), matching and other pairs weighing half each.

    Args:
        scores: S [N, M].
        match: [N, M] bool, True where video and utterance belong together.

    Returns:
        Scalar. In a batch of B pairs of C categories only 1 in C pairs matches; unweighted, "never" would be a good
        answer.
    """
    safe = scores.clamp(EDGE, 1 - EDGE)
    terms = [-torch.log(safe[match]), -torch.log1p(-safe[~match])]
    means = [term.mean() for term in terms if term.numel()]
    return torch.stack(means).mean()


def ranking_loss(p_video: Tensor, p_audio: Tensor, match: Tensor, scale: float) -> Tensor:
    """Softmax ranking over the batch, both directions: every matching pair against all that do not match its anchor.

    -log of exp(s c_ij) / (exp(s c_ij) + sum over n, not matching i, of exp(s c_in)), c the cosine, s `scale`, averaged
    over the matching pairs (i, j); and the same with the roles exchanged, added. It is the masked margin softmax
    (Ilharco et al. 2019) with all positives of a batch and no margin.

    Args:
        p_video: [B, common], unit length. p_audio: [B, common], unit length.
        match: [B, B] bool, row = video, column = utterance.
        scale: s, above 0; a small one is satisfied slowly, and so keeps from learning the train part by heart.

    Returns:
        Scalar >= 0; 0 where nothing matches.
    """
    logits = scale * (p_video @ p_audio.T)
    return _softmax_one_way(logits, match) + _softmax_one_way(logits.T, match.T)


def _softmax_one_way(logits: Tensor, match: Tensor) -> Tensor:
    others = torch.logsumexp(logits.masked_fill(match, NEVER), dim=1, keepdim=True)
    terms = functional.softplus(others - logits)  # -log(e^l / (e^l + e^others))
    return torch.where(match, terms, terms.new_zeros(())).sum() / match.sum().clamp_min(1)


def triplet_loss(p_video: Tensor, p_audio: Tensor, match: Tensor, margin: float, negatives: str = "all") -> Tensor:
    """Triplet ranking loss over triplets of the batch, both directions (paper eq. 1, 2).

    max(0, cos(a, v-) - cos(a, v+) + margin) over all utterances a, matching v+ and other v-; and roles exchanged.

    Args:
        p_video: [B, common], unit length. p_audio: [B, common], unit length.
        match: [B, B] bool, row = video, column = utterance.
        margin: in cosine, >= 0.
        negatives: which others form a triplet with each anchor and match. "all": every one. "hardest": the most
            similar to the anchor. "semi-hard" (Schroff et al. 2015, FaceNet, eq. 4): the most similar of those less
            similar than the match; where there is none the least similar of all, as in TripletSemiHardLoss of
            TensorFlow Addons. "random": one by lot from torch's global generator.

    Returns:
        Scalar: the mean over the triplets that still violate their margin (0 when none does), both directions added.

    Raises:
        InputError: unknown negatives.
    """
    if negatives not in NEGATIVES:
        raise InputError(f"Triplets are formed with negatives {', '.join(NEGATIVES)}; got {negatives!r}.")
    cosine = p_video @ p_audio.T
    return _one_way(cosine, match, margin, negatives) + _one_way(cosine.T, match.T, margin, negatives)


def _one_way(cosine: Tensor, match: Tensor, margin: float, negatives: str) -> Tensor:
    """Row = anchor, column = candidate: hinge [B, positive, negative], averaged over the violating triplets."""
    hinge = (cosine[:, None, :] - cosine[:, :, None] + margin).clamp_min(0)
    valid = match[:, :, None] & ~match[:, None, :]
    if negatives != "all":
        chosen = _choice(cosine.detach(), valid, negatives)
        hinge, valid = hinge.gather(2, chosen), valid.gather(2, chosen)
    violating = valid & (hinge > 0)
    return torch.where(valid, hinge, hinge.new_zeros(())).sum() / violating.sum().clamp_min(1)


def _choice(cosine: Tensor, valid: Tensor, negatives: str) -> Tensor:
    """Column of the one negative of each anchor and positive, [B, positive, 1]; of any where `valid` has none."""
    others = cosine[:, None, :].expand(valid.shape)
    if negatives == "random":
        return torch.rand_like(others).masked_fill(~valid, -1.0).argmax(2, keepdim=True)
    hardest = others.masked_fill(~valid, -torch.inf).argmax(2, keepdim=True)
    if negatives == "hardest":
        return hardest
    further = valid & (others < cosine[:, :, None])
    easiest = others.masked_fill(~valid, torch.inf).argmin(2, keepdim=True)
    semi = others.masked_fill(~further, -torch.inf).argmax(2, keepdim=True)
    return torch.where(further.any(2, keepdim=True), semi, easiest)
