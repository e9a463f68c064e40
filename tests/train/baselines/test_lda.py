"""Gaussian slots against plain loops over their definition."""

import numpy as np
import pytest

from fmn.train.baselines.lda import fit_lda
from tests.train.baselines.conftest import SETS


def plain(features, codes, count, shrinkage, asked):
    """Posteriors [N, count] of Gaussians with one shrunk scatter in the span of the fitted items, by loops."""
    mean, scale = features.mean(0), features.std(0)
    scale = np.where(scale > 1e-6 * scale.max(), 1 / np.maximum(scale, 1e-30), 0)
    rows, asked = (features - mean) * scale, (asked - mean) * scale
    _, spread, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    axes = axes[spread > 1e-6 * spread[0]].T
    rows, asked = (rows - rows.mean(0)) @ axes, (asked - rows.mean(0)) @ axes
    known = sorted(set(codes))
    means = {c: rows[codes == c].mean(0) for c in known}
    scatter = sum(np.outer(row - means[c], row - means[c]) for row, c in zip(rows, codes, strict=True))
    scatter = scatter / (len(rows) - len(known))
    even = np.trace(scatter) / len(scatter)
    inverse = np.linalg.inv((1 - shrinkage) * scatter + shrinkage * even * np.eye(len(scatter)))
    found = np.zeros((len(asked), count))
    for n, x in enumerate(asked):
        logits = {c: -0.5 * (x - means[c]) @ inverse @ (x - means[c]) for c in known}
        heat = {c: np.exp(value - max(logits.values())) for c, value in logits.items()}
        for c in known:
            found[n, c] = heat[c] / sum(heat.values())
    return found


@pytest.mark.parametrize("shrinkage", [0.1, 0.9])
def test_scores_are_the_meeting_of_two_posteriors(shrinkage):
    data = SETS["three categories, ten a side"]
    towers = fit_lda(data, seed=0, shrinkage=shrinkage)
    found = towers.score(data.held_video.features, data.held_audio.features).detach().numpy()
    sides = []
    for fit, held in ((data.fit_video, data.held_video), (data.fit_audio, data.held_audio)):
        given = fit.features.double().numpy(), fit.codes.numpy()
        sides.append(plain(*given, len(data.names), shrinkage, held.features.double().numpy()))
    assert found == pytest.approx(sides[0] @ sides[1].T, abs=1e-4)


def test_a_category_of_one_modality_alone_meets_nothing():
    data = SETS["categories missing on one side"]
    towers = fit_lda(data, seed=0)
    scores = towers.score(data.fit_video.features, data.fit_audio.features).detach()
    assert scores[-1].max() < 0.5  # code 7, of which there is no recording
