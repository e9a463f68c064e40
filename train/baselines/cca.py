"""CCA (Hotelling 1936; for retrieval Rasiwasia et al. 2010): the row "CCA" of the comparison."""

from typing import Any

import numpy as np

from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .canonical import canonical
from .folding import linear_towers, standardised
from .pairs import Floats, pair_rows

SETTINGS: tuple[dict[str, Any], ...] = (
    {"principal": 400, "ridge": 0.1, "power": 2.0},
    {"principal": 400, "ridge": 0.03, "power": 1.0},
    {"principal": 400, "ridge": 0.2, "power": 1.0},
    {"principal": 180, "ridge": 0.1, "power": 1.0},
    {"principal": 120, "ridge": 0.03, "power": 1.0},
    {"principal": 60, "ridge": 0.5, "power": 0.5},
)


def fit_cca(
    data: TrainingSet,
    *,
    seed: int,
    principal: int = 400,
    ridge: float = 0.1,
    columns: int = 64,
    power: float = 1.0,
) -> TwoTowers:
    """Fit two linear towers by ridge CCA over all matched pairs of the part that is fitted on.

    Vectors are standardised, reduced to their principal components and brought to a mean variance of 1, so that
    `ridge` means the same for every encoder; all of it is folded into one matrix and a bias a side.

    Args:
        data: the train split; the held-out part is not looked at.
        seed: taken as every fit takes one; nothing here is left to chance.
        principal: principal components a side at most.
        ridge: in [0, 1], see `canonical`.
        columns: canonical columns at most.
        power: columns are scaled by their correlation to this power, see `Canonical.scaled`.

    Raises:
        InputError: nothing that can vary together (see `pair_rows`), or no cca-zoo.
    """
    video, audio = standardised(data)
    first, second = principal_basis(video, principal), principal_basis(audio, principal)
    rows = pair_rows(video @ first, audio @ second, data.fit_video.codes.numpy(), data.fit_audio.codes.numpy())
    found = canonical(rows, columns, ridge).scaled(power)
    return linear_towers(
        data,
        first @ found.video,
        rows.video_mean @ found.video,
        second @ found.audio,
        rows.audio_mean @ found.audio,
    )


def principal_basis(features: Floats, components: int) -> Floats:
    """[n, D] -> [D, k], k at most `components`: orthogonal directions, times what makes their mean variance 1.

    Directions without variance are left out, so k is below D and n. The components are those of all vectors, each
    counted once, whether it has a match or not.
    """
    centred = features - features.mean(0)
    if len(centred) > centred.shape[1]:
        squares, directions = np.linalg.eigh(centred.T @ centred)
        squares, directions = squares[::-1], directions[:, ::-1]
    else:
        _, roots, rows = np.linalg.svd(centred, full_matrices=False)
        squares, directions = roots**2, rows.T
    # At least one is kept: whether vectors vary at all is for the fit to say.
    kept = max(1, min(components, int((squares > 1e-10 * squares[0]).sum())))
    variance = squares[:kept].mean() / len(centred)
    return np.asarray(directions[:, :kept] / (np.sqrt(variance) if variance > 0 else 1.0))
