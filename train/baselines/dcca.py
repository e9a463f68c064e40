"""Deep CCA (Andrew et al. 2013): the row "DCCA" of the comparison."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .canonical import canonical
from .descent import STEPS, descend, new_towers
from .pairs import common_codes, pair_rows

SETTINGS: tuple[dict[str, Any], ...] = (
    {"hidden": 512, "dropout": 0.6, "ridge": 0.1},
    {"hidden": 256, "dropout": 0.6, "ridge": 0.1},
    {"hidden": 512, "dropout": 0.6, "ridge": 0.3},
    {"hidden": 256, "dropout": 0.4, "ridge": 0.1},
    {"hidden": 256, "dropout": 0.4, "ridge": 0.1, "learning_rate": 3e-3},
    {"hidden": 256, "dropout": 0.4, "ridge": 0.03, "weight_decay": 1e-2},
)


def fit_dcca(
    data: TrainingSet,
    *,
    seed: int,
    hidden: int = 512,
    columns: int = 64,
    ridge: float = 0.1,
    power: float = 1.0,
    dropout: float = 0.6,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-4,
    batch: int = 1024,
    steps: int = STEPS // 4,
    epochs: int = 0,
) -> TwoTowers:
    """Fit two perceptron towers whose outputs correlate most, then a linear CCA of those outputs.

    The descent minimises `correlation_loss` in large batches, as the paper does; what is validated after each epoch is
    the towers with the CCA of their outputs on the whole part that is fitted on, folded into their last layers: the
    loss is the same for all linear maps of a side, so a cosine means nothing before that.

    Args:
        data: the train split.
        seed: of the initial weights, the batches and dropout.
        hidden: units of the hidden layer.
        columns: output columns at most; no more than C - 1 are made for C codes.
        ridge: in (0, 1), of the loss and of the CCA, in units of a side's mean output variance.
        power: columns are scaled by their correlation to this power, see `Canonical.scaled`.
        dropout, learning_rate, weight_decay, batch: see `TowersConfig` and `descend`.
        steps: of the descent in all, see `fmn.train.baselines.descent.passes`. One sees as many pairs as eight of
            AVLnet.
        epochs: exactly so many in place of `steps`, 0 for none.

    Raises:
        InputError: nothing that can vary together (see `pair_rows`), no cca-zoo, or a loss that is no number.
    """
    codes = common_codes(data.fit_video.codes.numpy(), data.fit_audio.codes.numpy())
    towers = new_towers(data, seed, "perceptron", min(columns, len(codes) - 1), hidden, dropout)

    def loss(left: Tensor, right: Tensor, left_codes: Tensor, right_codes: Tensor) -> Tensor:
        return correlation_loss(left, right, left_codes, right_codes, ridge)

    def ready(fitted: TwoTowers) -> TwoTowers:
        return with_cca(fitted, data, ridge, power)

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
        ready=ready,
    )


def correlation_loss(video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor, ridge: float) -> Tensor:
    """Minus the sum of the canonical correlations of a batch over all its matched pairs, at most 0.

    With T = S_vv^(-1/2) S_va S_aa^(-1/2) this is the trace norm of T (Andrew et al., eq. 10). A covariance S is
    (1 - ridge) S + ridge (trace S / columns) I, so the loss does not change with the size of a side's outputs. Each of
    the two is whitened by its Cholesky factor: the singular values are those of T, and their gradient does not break
    down where two eigenvalues are alike. (cca-zoo's `CCALoss` is another one, the sum of the squared correlations over
    the rows alone, and differentiates eigenvectors.)

    Args:
        video, audio: [B, k] outputs of the towers.
        video_codes, audio_codes: [B]; equal codes make a matched pair, whichever their rows.
        ridge: in (0, 1).
    """
    match = (video_codes[:, None] == audio_codes[None, :]).to(torch.float64)
    match = match / match.sum()
    left, right = video.double(), audio.double()
    video_weight, audio_weight = match.sum(1), match.sum(0)
    left, right = left - video_weight @ left, right - audio_weight @ right
    across = left.T @ match @ right
    half = torch.linalg.solve_triangular(_factor(left, video_weight, ridge), across, upper=False)
    whole = torch.linalg.solve_triangular(_factor(right, audio_weight, ridge), half.T, upper=False)
    correlations: Tensor = torch.linalg.svdvals(whole)
    return -correlations.sum()


@torch.no_grad()
def with_cca(towers: TwoTowers, data: TrainingSet, ridge: float, power: float) -> TwoTowers:
    """A copy of perceptron towers with the CCA of their outputs on the part to fit on folded into their last layers.

    The outputs are centred and brought to a mean variance of 1; columns that the CCA does not find become 0.
    """
    made = copy.deepcopy(towers).eval()
    outputs = (
        made.video(made.standard_video(data.fit_video.features)).double(),
        made.audio(made.standard_audio(data.fit_audio.features)).double(),
    )
    sizes = [float(side.var(0, correction=0).mean().sqrt()) or 1.0 for side in outputs]
    scaled = [(side / size).cpu().numpy() for side, size in zip(outputs, sizes, strict=True)]
    rows = pair_rows(scaled[0], scaled[1], data.fit_video.codes.numpy(), data.fit_audio.codes.numpy())
    found = canonical(rows, towers.config.common, ridge).scaled(power)
    for tower, matrix, mean, size in (
        (made.video, found.video, rows.video_mean, sizes[0]),
        (made.audio, found.audio, rows.audio_mean, sizes[1]),
    ):
        assert isinstance(tower, nn.Sequential)
        last = tower[-1]
        assert isinstance(last, nn.Linear)
        projection = torch.zeros(last.out_features, last.out_features, dtype=torch.float64)
        projection[:, : matrix.shape[1]] = torch.from_numpy(matrix)
        shift = torch.from_numpy(mean) @ projection
        weight, bias = last.weight.double().cpu(), last.bias.double().cpu()
        last.weight.copy_(projection.T @ weight / size)
        last.bias.copy_(bias @ projection / size - shift)
    return made


def _factor(centred: Tensor, weight: Tensor, ridge: float) -> Tensor:
    """The Cholesky factor of a side's weighted covariance, ridge included."""
    covariance = centred.T @ (weight[:, None] * centred)
    eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    size = covariance.diagonal().mean().clamp_min(1e-12)
    factor: Tensor = torch.linalg.cholesky((1 - ridge) * covariance + ridge * size * eye)
    return factor
