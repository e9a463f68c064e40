"""Semantic matching (SM): a logistic regression a modality over the classes, compared by their posteriors.

Rasiwasia et al. 2010, "A New Approach to Cross-Modal Multimedia Retrieval", section 4.3.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fmn.errors import InputError
from fmn.retrieval.towers import TwoTowers

from ..data import Side, TrainingSet
from .folding import towers_for

SETTINGS: tuple[dict[str, Any], ...] = (
    {"strength": 1000.0},
    {"strength": 10.0},
    {"strength": 1.0},
    {"strength": 0.1},
    {"strength": 10.0, "temperature": 2.0},
    {"strength": 0.01, "temperature": 0.5},
)

MOST_CLASSES = 2000
NEVER = -1e4  # logit of a class that one modality has no item of: the limit of its regression, as far as softmax sees


def fit_semantic(
    data: TrainingSet, *, seed: int, strength: float = 1.0, temperature: float = 1.0, steps: int = 500
) -> TwoTowers:
    """Fit SM on the fit part. The problem is convex: neither the seed nor the validation part changes anything.

    The classes are the codes of either modality. An item of a class that the other modality lacks gets a posterior
    that matches nothing there. In a one-to-one set each pair is a class of one item: the posterior then says which
    fitted pairs an item resembles, no more; up to `MOST_CLASSES` pairs that can be computed.

    Args:
        data: the train split.
        seed: not used, as nothing is left to chance.
        strength: C, the weight of the data against |W|^2 / 2 (scikit-learn's; the bias is free), above 0.
        temperature: by which the fitted logits are divided, above 0; above 1 the posteriors are flatter.
        steps: of L-BFGS at most.

    Raises:
        InputError: strength or temperature not above 0, or too many classes.
    """
    for name, value in (("strength", strength), ("temperature", temperature)):
        if not value > 0:
            raise InputError(f"Semantic matching needs a {name} above 0, got {value}.")
    video, audio = data.fit_video, data.fit_audio
    codes = torch.tensor(sorted({*video.codes.tolist(), *audio.codes.tolist()}))
    if len(codes) > MOST_CLASSES:
        raise InputError(
            f"Semantic matching takes up to {MOST_CLASSES} classes (labels, or pairs in a one-to-one set), since its "
            f"work grows with items times classes; this train split has {len(codes)}. Leave this system out."
        )
    towers = towers_for(data, "linear", len(codes), output="posterior")
    for side, standard, tower in (
        (video, towers.standard_video, towers.video),
        (audio, towers.standard_audio, towers.audio),
    ):
        _fill(tower, side, standard(side.features), codes, strength, temperature, steps)
    return towers.eval()


@torch.no_grad()
def _fill(
    tower: nn.Module, side: Side, features: Tensor, codes: Tensor, strength: float, temperature: float, steps: int
) -> None:
    assert isinstance(tower, nn.Linear)
    own = torch.tensor(sorted(set(side.codes.tolist())))
    weight, bias = logistic_regression(
        features, torch.searchsorted(own, side.codes).to(features.device), len(own), strength, steps
    )
    columns = torch.searchsorted(codes, own).to(features.device)
    tower.weight.zero_()
    tower.bias.fill_(NEVER)
    tower.weight[columns] = (weight / temperature).to(tower.weight.dtype)
    tower.bias[columns] = (bias / temperature).to(tower.bias.dtype)


def logistic_regression(
    features: Tensor, classes: Tensor, count: int, strength: float, steps: int
) -> tuple[Tensor, Tensor]:
    """The minimum of strength * sum of cross entropies + |W|^2 / 2 over W [count, D] and bias [count], float64.

    Args:
        features: [n, D].
        classes: [n] int64 in [0, count), each of them at least once, on the device of the features.
        count: classes.
        strength: above 0.
        steps: of L-BFGS at most.
    """
    # W is in the span of the features, so in fewer items than columns it is sought there: same minimum, less work.
    exact = features.double()
    basis = torch.linalg.qr(exact.T).Q if len(exact) < exact.shape[1] else None
    inputs = exact if basis is None else exact @ basis
    weight = torch.zeros(count, inputs.shape[1], dtype=torch.float64, device=features.device, requires_grad=True)
    bias = torch.zeros(count, dtype=torch.float64, device=features.device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=steps, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        entropy = functional.cross_entropy(inputs @ weight.T + bias, classes)
        value = entropy + weight.square().sum() / (2 * strength * len(inputs))
        torch.autograd.backward(value)
        return value

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    found = weight.detach()
    return (found if basis is None else found @ basis.T), bias.detach() - bias.detach().mean()
