"""CFA, cross-modal factor analysis (Li et al. 2003): the row "CFA" of the comparison."""

from typing import Any

import numpy as np

from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .folding import linear_towers, standardised
from .pairs import Floats, PairRows, pair_rows

SETTINGS: tuple[dict[str, Any], ...] = (
    {"columns": 17, "even": 0.75},
    {"columns": 64, "even": 0.75},
    {"columns": 17, "even": 1.0},
    {"columns": 64, "even": 1.0},
    {"columns": 10, "even": 0.75},
    {"columns": 64, "even": 0.0},
)


def fit_cfa(data: TrainingSet, *, seed: int, columns: int = 64, even: float = 0.75) -> TwoTowers:
    """Fit two linear towers by cross-modal factor analysis over all matched pairs of the part that is fitted on.

    Orthonormal A and B that minimise |X A - Y B|_F over the pairs, vectors standardised: with X^T Y = U S V^T they are
    A = U, B = V (Li et al., eq. 1 to 3), of which the columns with the largest S are kept.

    Args:
        data: the train split; the held-out part is not looked at.
        seed: taken as every fit takes one; nothing here is left to chance.
        columns: factors at most. No more come out than can have an S above 0: C codes allow C - 1.
        even: columns of a side are divided by their deviation over the pairs to this power: 0 is CFA as it was
            published, where the first factors decide nearly every cosine; 1 has all count alike.

    Raises:
        InputError: nothing that can vary together, see `pair_rows`.
    """
    video, audio = standardised(data)
    rows = pair_rows(video, audio, data.fit_video.codes.numpy(), data.fit_audio.codes.numpy())
    first, _, second = factors(rows, columns)
    first = first / _deviation(rows.shared_video, rows.own_video, first, rows.pairs) ** even
    second = second / _deviation(rows.shared_audio, rows.own_audio, second, rows.pairs) ** even
    return linear_towers(data, first, rows.video_mean @ first, second, rows.audio_mean @ second)


def factors(rows: PairRows, columns: int) -> tuple[Floats, Floats, Floats]:
    """The leading factors of X^T Y / pairs: A [p, k], S [k] falling, B [q, k].

    X^T Y is a product of two matrices with a row a code, mostly far fewer than columns: their QR decompositions leave
    a small matrix to take the SVD of.
    """
    left, left_rest = np.linalg.qr(rows.shared_video.T)
    right, right_rest = np.linalg.qr(rows.shared_audio.T)
    u, values, v = np.linalg.svd(left_rest @ right_rest.T / rows.pairs)
    kept = min(columns, left.shape[0], right.shape[0], len(rows.shared_video) - 1)
    return left @ u[:, :kept], values[:kept], right @ v[:kept].T


def _deviation(shared: Floats, own: Floats, matrix: Floats, pairs: int) -> Floats:
    """Standard deviation of each projected column over all matched pairs; 1 where it is 0."""
    squares = ((shared @ matrix) ** 2).sum(0) + ((own @ matrix) ** 2).sum(0)
    return np.asarray(np.where(squares > 0, np.sqrt(squares / pairs), 1.0))
