"""VM-Net: two branches with a ranking loss between the modalities and a soft structure loss within each.

Hong, Im and Yang 2018, "CBVMR: Content-Based Video-Music Retrieval Using Soft Intra-Modal Structure Constraint"
(arXiv:1704.06761): the terms of its objective with lambda_1, 2 and lambda_3, 4. Means stand where the paper writes
sums, as in the authors' own training, so that the weights do not depend on the batch. Over a learned audio embedding in
place of descriptors the same branches are the rows MuSimNet and MusiCNN (Pretet et al. 2021): they are fitted by
`fit_vmnet` as well.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .descent import STEPS, descend, new_towers

SETTINGS: tuple[dict[str, Any], ...] = (
    {"hidden": 512, "dropout": 0.3},
    {"hidden": 512, "most": 5, "structure": 1.0},
    {"hidden": 512},
    {"hidden": 256},
    {"hidden": 512, "margin": 0.5},
    {"hidden": 256, "margin": 0.2, "structure": 0.0},
)


def fit_vmnet(
    data: TrainingSet,
    *,
    seed: int,
    hidden: int = 512,
    common: int = 256,
    dropout: float = 0.5,
    margin: float = 0.8,
    most: int = 10,
    from_video: float = 1.0,
    from_audio: float = 1.0,
    structure: float = 0.2,
    batch: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-4,
    steps: int = STEPS,
    epochs: int = 0,
) -> TwoTowers:
    """Fit VM-Net's two branches on the fit part; the validation part only chooses the epoch that is kept.

    Each branch has one hidden layer here (the paper's have one to three, and batch normalisation, over 200,000 pairs).

    Args:
        data: the train split.
        seed: of the weights, the batches and dropout.
        hidden, common, dropout: of the branches.
        margin, most: of the ranking loss: in cosine, and how many of the top violating negatives an anchor has.
        from_video, from_audio: weights of the two ranking terms, lambda_1 and lambda_2 (the authors' code: 3 and 1).
        structure: weight of the structure loss of either modality, lambda_3 = lambda_4 (the authors' code: 0.2).
        batch, learning_rate, weight_decay: of `fmn.train.baselines.descent.descend`.
        steps: of the descent in all, see `fmn.train.baselines.descent.passes`.
        epochs: exactly so many in place of `steps`, 0 for none.

    Raises:
        InputError: settings that are no towers, or the loss is no longer a number.
    """
    towers = new_towers(data, seed, "perceptron", common, hidden, dropout)

    def ranking(video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor) -> Tensor:
        return ranking_loss(
            functional.normalize(video, dim=1),
            functional.normalize(audio, dim=1),
            video_codes[:, None] == audio_codes[None, :],
            margin=margin,
            most=most,
            from_video=from_video,
            from_audio=from_audio,
        )

    def within(inputs: Tensor, outputs: Tensor) -> Tensor:
        return structure * structure_loss(inputs, outputs)

    return descend(
        towers,
        data,
        ranking,
        structure=within if structure else None,
        seed=seed,
        steps=steps,
        exactly=epochs,
        batch=batch,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
    )


def ranking_loss(
    video: Tensor, audio: Tensor, match: Tensor, *, margin: float, most: int, from_video: float, from_audio: float
) -> Tensor:
    """Inter-modal ranking loss: max(0, v_i . a_n - v_i . a_p + margin), and the same with the roles exchanged.

    The paper keeps the negatives n of a batch that violate the most. Its sets are one-to-one; where an anchor has
    several matches, p is the least similar of them.

    Args:
        video: [B, common], unit length. audio: [B, common], unit length.
        match: [B, B] bool, row = video, column = audio; every row and column has a match.
        margin: in cosine.
        most: negatives an anchor, the most similar ones of another code; fewer where fewer are there.
        from_video, from_audio: weights of the two directions, lambda_1 and lambda_2.

    Returns:
        Scalar: the weighted means over all anchors and their negatives; 0 without negatives.
    """
    cosine = video @ audio.T
    return from_video * _one_way(cosine, match, margin, most) + from_audio * _one_way(cosine.T, match.T, margin, most)


def _one_way(cosine: Tensor, match: Tensor, margin: float, most: int) -> Tensor:
    """Row = anchor, column = candidate."""
    furthest = cosine.masked_fill(~match, torch.inf).amin(1, keepdim=True)
    order = cosine.detach().masked_fill(match, -torch.inf).topk(min(most, cosine.shape[1]), dim=1).indices
    there = ~match.gather(1, order)
    hinge = (cosine.gather(1, order) - furthest + margin).clamp_min(0)
    return torch.where(there, hinge, hinge.new_zeros(())).sum() / there.sum().clamp_min(1)


def structure_loss(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Soft intra-modal structure loss: what was nearer before the embedding is to be nearer after it.

    C_ijk * (x_i . x_k - x_i . x_j) over i, j, k that are three, with x the outputs, x~ the inputs and
    C_ijk = sign(x_i . x_k - x_i . x_j) - sign(x~_i . x~_k - x~_i . x~_j): 0 where the order is kept.

    Args:
        inputs: [B, D]; outputs: [B, common]. Both are brought to unit length here.

    Returns:
        Scalar >= 0, the mean over the triples; 0 for fewer than three items.
    """
    count = len(outputs)
    if count < 3:
        return outputs.sum() * 0
    after, before = _to_others(outputs), _to_others(inputs)
    # Summed over j, the two signs of a pair (i, k) are how many items i holds further off than k less how many it
    # holds nearer: the sum over triples is one over pairs, and no [B, B, B] is made.
    moved = _standing(after.detach()) - _standing(before)
    return 2 * (after * moved).sum() / (count * (count - 1) * (count - 2))


def _to_others(vectors: Tensor) -> Tensor:
    """Cosines of each with all others, [B, B - 1]."""
    unit = functional.normalize(vectors, dim=1)
    count = len(unit)
    others = ~torch.eye(count, dtype=torch.bool, device=unit.device)
    return (unit @ unit.T)[others].reshape(count, count - 1)


def _standing(cosine: Tensor) -> Tensor:
    """In each row, how many entries are smaller less how many are larger."""
    ordered, cosine = cosine.sort(dim=1).values, cosine.contiguous()
    smaller = torch.searchsorted(ordered, cosine)
    not_larger = torch.searchsorted(ordered, cosine, right=True)
    return (smaller + not_larger - cosine.shape[1]).to(cosine.dtype)
