"""Gaussian slots: semantic matching whose posteriors are those of linear discriminant analysis.

Fisher 1936; Rao 1948: each category a Gaussian around its mean, all with one scatter. Two modalities are compared by
the inner product of their posteriors, as in semantic matching (Rasiwasia et al. 2010). Beside the FMN it says what its
slots and its scatter are worth without its cosine.
"""

from typing import Any

import torch
from torch import nn

from fmn.retrieval.bank import memory_vector
from fmn.retrieval.moments import moments
from fmn.retrieval.readout import slots_of
from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .folding import fold, towers_for
from .semantic import NEVER

SETTINGS: tuple[dict[str, Any], ...] = (
    {"shrinkage": 0.05},
    {"shrinkage": 0.2},
    {"shrinkage": 0.5},
    {"shrinkage": 0.05, "temperature": 4.0},
    {"shrinkage": 0.2, "temperature": 4.0},
    {"shrinkage": 0.5, "temperature": 4.0},
)


@torch.no_grad()
def fit_lda(data: TrainingSet, *, seed: int, shrinkage: float = 0.05, temperature: float = 1.0) -> TwoTowers:
    """Fit Gaussian slots on the fit part: log p(c | x) = -|W f(x) - W mu_c|^2 / 2 + a constant, all priors alike.

    Args:
        data: the train split.
        seed: not used, as nothing is left to chance.
        shrinkage: of the scatter, see `fmn.retrieval.readout.write`.
        temperature: by which the logits are divided, above 0.
    """
    towers = towers_for(data, "linear", len(data.names), output="posterior")
    for side, standard, tower in (
        (data.fit_video, towers.standard_video, towers.video),
        (data.fit_audio, towers.standard_audio, towers.audio),
    ):
        assert isinstance(tower, nn.Linear)
        exact = standard(side.features).double()
        vector = memory_vector(exact, "linear", 1.0)
        shares = nn.functional.one_hot(side.codes.to(exact.device), len(data.names)).double()
        slots = slots_of(moments(vector(exact), shares), shrinkage)
        white = slots.means @ slots.metric
        inner = slots.metric @ white.T / temperature
        matrix = inner if vector.axes is None else vector.axes @ inner
        shift = vector.offset @ matrix + white.square().sum(1) / 2 / temperature
        fold(tower, matrix.cpu().numpy(), torch.where(slots.filled, shift, -NEVER).cpu().numpy())
    return towers.eval()
