"""AVLnet's projection: gated towers under the masked margin softmax loss.

Rouditchenko et al. 2020, "AVLnet: Learning Audio-Visual Language Representations from Instructional Videos"
(arXiv:2006.09199); the loss is that of Ilharco, Zhang and Baldridge 2019 (arXiv:1909.08782). AVLnet compares by the
inner product of outputs of any length; here the similarity is a fixed `scale` times the cosine, since the towers are
ranked by cosine and what is fitted should be what is ranked.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .descent import STEPS, descend, new_towers

SETTINGS: tuple[dict[str, Any], ...] = (
    {"dropout": 0.7, "common": 512},
    {"dropout": 0.7},
    {"dropout": 0.7, "margin": 0.3},
    {"dropout": 0.5, "learning_rate": 1e-3},
    {"dropout": 0.7, "scale": 8.0},
    {"dropout": 0.2, "scale": 16.0, "learning_rate": 1e-3},
)


def masked_margin_softmax(similarity: Tensor, match: Tensor, margin: float) -> Tensor:
    """-log of exp(s_ii - margin) / (exp(s_ii - margin) + sum over n of exp(s_in)), mean over i, both ways added.

    Args:
        similarity: [B, B], scaled; pair i is (row i, column i).
        match: [B, B] bool. Masked are the other matches of an anchor: n runs over what does not match it.
        margin: subtracted from the similarity of the pair, >= 0.

    Returns:
        Scalar >= 0.
    """
    pair = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    logits = (similarity - margin * pair.to(similarity.dtype)).masked_fill(match & ~pair, -torch.inf)
    target = torch.arange(len(similarity), device=similarity.device)
    return functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)


def fit_avlnet(
    data: TrainingSet,
    *,
    seed: int,
    common: int = 256,
    dropout: float = 0.5,
    margin: float = 0.1,
    scale: float = 4.0,
    batch: int = 128,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-4,
    steps: int = STEPS,
    epochs: int = 0,
) -> TwoTowers:
    """Fit two gated towers on the fit part; the validation part only chooses the epoch that is kept.

    Args:
        data: the train split.
        seed: of the weights, the batches and dropout.
        common: columns of the embedding (AVLnet: 4096 over millions of pairs).
        dropout: of the standardised inputs.
        margin: in cosine; the loss sees `scale` times it.
        scale: of the cosine.
        batch, learning_rate, weight_decay: of `fmn.train.baselines.descent.descend`.
        steps: of the descent in all, see `fmn.train.baselines.descent.passes`.
        epochs: exactly so many in place of `steps`, 0 for none.

    Raises:
        InputError: settings that are no towers, or the loss is no longer a number.
    """
    towers = new_towers(data, seed, "gated", common, dropout=dropout)

    def loss(video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor) -> Tensor:
        cosine = functional.normalize(video, dim=1) @ functional.normalize(audio, dim=1).T
        match = video_codes[:, None] == audio_codes[None, :]
        return masked_margin_softmax(scale * cosine, match, scale * margin)

    return descend(
        towers,
        data,
        loss,
        seed=seed,
        steps=steps,
        exactly=epochs,
        batch=batch,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
    )
