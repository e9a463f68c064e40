"""Canonical correlation over all matched pairs: cca-zoo's ridge CCA on the few rows that stand for them."""

from dataclasses import dataclass

import numpy as np

from fmn.errors import InputError
from fmn.install import hint

from .pairs import Floats, PairRows


@dataclass(frozen=True)
class Canonical:
    """Projections of both sides, video [p, k] and audio [q, k], and the covariances of their columns [k], falling.

    Without a ridge those are the canonical correlations; with one they are correlations in the metric of the ridge, at
    most 1 / (1 - ridge).
    """

    video: Floats
    audio: Floats
    correlations: Floats

    def scaled(self, power: float) -> "Canonical":
        """Each column times its correlation to `power`: 0 leaves them, 1 makes uncertain columns count less."""
        weight = self.correlations**power
        return Canonical(self.video * weight, self.audio * weight, self.correlations)


def canonical(rows: PairRows, columns: int, ridge: float) -> Canonical:
    """Ridge CCA: max w_v^T S_va w_a with w^T ((1 - ridge) S + ridge I) w = 1 on each side, S over all matched pairs.

    Args:
        rows: the pairs.
        columns: canonical columns at most. Fewer come out where a side has fewer columns or where fewer correlations
            than that can be above 0: C codes allow C - 1.
        ridge: in [0, 1]; 0 is CCA, 1 is partial least squares.

    Raises:
        InputError: cca-zoo is not installed.
    """
    try:
        from cca_zoo.linear import RidgeCCA
    except ImportError as error:
        raise InputError(f"Canonical correlation needs cca-zoo ({error}): install it with {hint('compare')}.") from None
    video, audio = rows.stacked()
    # cca-zoo divides by its rows less one; the covariances are to be those of the pairs, less one.
    scale = np.sqrt((len(video) - 1) / (rows.pairs - 1))
    columns = min(columns, video.shape[1], audio.shape[1], len(rows.shared_video) - 1)
    fitted = RidgeCCA(n_components=columns, center=False, shrinkage=ridge).fit([scale * video, scale * audio])
    first, second = fitted.weights_
    together = (rows.shared_video @ first) * (rows.shared_audio @ second)
    correlations = np.maximum(together.sum(0) / (rows.pairs - 1), 0.0)
    return Canonical(first, second, correlations)
