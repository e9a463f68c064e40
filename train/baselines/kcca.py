"""Kernel CCA (Hardoon et al. 2004) with Gaussian kernels: the row "KCCA" of the comparison."""

from typing import Any

import numpy as np
import torch
from torch import nn

from fmn.retrieval.towers import GaussianKernel, TwoTowers

from ..data import TrainingSet
from .canonical import canonical
from .folding import fold, standardised, towers_for
from .pairs import Floats, pair_rows

MOST_LANDMARKS = 2000
SETTINGS: tuple[dict[str, Any], ...] = (
    {"width": 1.4, "ridge": 3e-5},
    {"width": 1.0, "ridge": 1e-4},
    {"width": 2.0, "ridge": 3e-5},
    {"width": 0.7, "ridge": 3e-4},
    {"width": 1.0, "ridge": 1e-3},
    {"width": 1.4, "ridge": 1e-2},
)


def fit_kcca(
    data: TrainingSet,
    *,
    seed: int,
    width: float = 1.4,
    ridge: float = 3e-5,
    columns: int = 64,
    power: float = 1.0,
) -> TwoTowers:
    """Fit two kernel towers by kernel CCA over all matched pairs of the part that is fitted on.

    A side's vectors are given coordinates k(x, L) U lambda^(-1/2) with k(L, L) = U lambda U^T over its landmarks L,
    and `canonical` is solved on those. With every vector of the side a landmark this is kernel CCA itself, the one
    that cca-zoo's `KCCA` solves on all pairs written out, only without writing them out (its kernel matrices would
    be pairs x pairs). A side of more than `MOST_LANDMARKS` vectors gets that many of them, drawn by `seed`: the Nystrom
    approximation (Williams and Seeger 2001). Centring in the kernel's space is a shift of the result: the layer's bias.

    Args:
        data: the train split; the held-out part is not looked at.
        seed: of the landmarks, where not all vectors are landmarks. Nothing else is left to chance.
        width: the kernel's, as a factor of the median distance between two landmarks.
        ridge: in (0, 1], see `canonical`. The kernel is 1 on the diagonal, so the variances add up to less than 1.
        columns: canonical columns at most.
        power: columns are scaled by their correlation to this power, see `Canonical.scaled`.

    Raises:
        InputError: nothing that can vary together (see `pair_rows`), or no cca-zoo.
    """
    sides = standardised(data)
    lots = np.random.default_rng(seed)
    landmarks = [_landmarks(side, lots) for side in sides]
    widths = [width * median_distance(marks) for marks in landmarks]
    kernels, bases = [], []
    for side, marks, size in zip(sides, landmarks, widths, strict=True):
        kernels.append(gaussian(side, marks, size))
        bases.append(_basis(gaussian(marks, marks, size)))
    codes = data.fit_video.codes.numpy(), data.fit_audio.codes.numpy()
    rows = pair_rows(kernels[0] @ bases[0], kernels[1] @ bases[1], *codes)
    found = canonical(rows, columns, ridge).scaled(power)
    # Towers have one number of landmarks: the side with fewer gets some at 0 that weigh nothing.
    most = max(len(marks) for marks in landmarks)
    towers = towers_for(data, "kernel", len(found.correlations), landmarks=most)
    _fill(towers.video, landmarks[0], widths[0], bases[0] @ found.video, rows.video_mean @ found.video)
    _fill(towers.audio, landmarks[1], widths[1], bases[1] @ found.audio, rows.audio_mean @ found.audio)
    return towers.eval()


def squared_distances(left: Floats, right: Floats) -> Floats:
    """|x - y|^2 / D of every two rows, [n, D] and [m, D] -> [n, m]."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2 * left @ right.T
    return np.asarray(np.maximum(squares, 0.0) / left.shape[1])


def gaussian(left: Floats, right: Floats, width: float) -> Floats:
    """The kernel of `GaussianKernel` in double precision, [n, D] and [m, D] -> [n, m]."""
    return np.asarray(np.exp(-squared_distances(left, right) / (2 * width**2)))


def median_distance(rows: Floats) -> float:
    """Median over all pairs of different rows of |x - y| / sqrt(D); 1 where it is 0."""
    squares = squared_distances(rows, rows)[np.triu_indices(len(rows), 1)]
    median = float(np.sqrt(np.median(squares))) if len(squares) else 0.0
    return median if median > 1e-6 else 1.0


def _landmarks(rows: Floats, lots: np.random.Generator) -> Floats:
    if len(rows) <= MOST_LANDMARKS:
        return rows
    return rows[np.sort(lots.choice(len(rows), MOST_LANDMARKS, replace=False))]


def _basis(kernel: Floats) -> Floats:
    """U lambda^(-1/2) of a kernel matrix [m, m], without the directions that rounding makes up."""
    values, vectors = np.linalg.eigh(kernel)
    kept = values > 1e-9 * values[-1]
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))


@torch.no_grad()
def _fill(tower: nn.Module, landmarks: Floats, width: float, matrix: Floats, shift: Floats) -> None:
    assert isinstance(tower, nn.Sequential)
    kernel, layer = tower
    assert isinstance(kernel, GaussianKernel) and isinstance(layer, nn.Linear)
    kernel.width.fill_(width)
    kernel.landmarks[: len(landmarks)].copy_(torch.from_numpy(landmarks))
    blank = np.zeros((kernel.landmarks.shape[0] - len(landmarks), matrix.shape[1]))
    fold(layer, np.concatenate([matrix, blank]), shift)
