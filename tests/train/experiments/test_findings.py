"""Formulas against plain loops and against SciPy's own tests."""

import math

import numpy as np
import pytest
from scipy import stats

from fmn.train.experiments.findings import difference, estimate, relative_gain


def plain(values):
    """Mean, deviation and t-interval, step by step; t(0.975, n - 1) from a table."""
    table = {2: 12.7062, 3: 4.3027, 5: 2.7764, 8: 2.3646}
    n, mean, square = len(values), 0.0, 0.0
    for value in values:
        mean += value / n
    for value in values:
        square += (value - mean) ** 2
    std = math.sqrt(square / (n - 1))
    half = table[n] * std / math.sqrt(n)
    return mean, std, mean - half, mean + half


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_the_interval_is_the_textbooks_and_scipys(n):
    values = np.random.default_rng(n).normal(0.3, 0.1, n).tolist()
    found = estimate(values)
    assert (found.mean, found.std, found.low, found.high) == pytest.approx(plain(values), rel=1e-4)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_single_seed_has_no_deviation():
    found = estimate([0.25])
    assert found.mean == 0.25 and found.n == 1
    assert all(math.isnan(value) for value in (found.std, found.low, found.high))


def test_the_difference_is_paired():
    ours, theirs = [0.5, 0.7, 0.9], [0.4, 0.6, 0.7]
    found = difference(ours, theirs)
    assert (found.mean, found.low, found.high) == pytest.approx(
        [plain([0.1, 0.1, 0.2])[n] for n in (0, 2, 3)], abs=1e-5
    )
    low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_row_without_chance_is_paired_with_every_seed():
    ours = [0.5, 0.7, 0.9]
    assert difference(ours, [0.4]) == difference(ours, [0.4, 0.4, 0.4])
    assert relative_gain(ours, [0.4]) == relative_gain(ours, [0.4, 0.4, 0.4])


def test_the_relative_gain_is_a_share_of_theirs():
    ours, theirs, gains = [0.5, 0.7, 0.9], [0.4, 0.7, 1.0], []
    for a, b in zip(ours, theirs, strict=True):
        gains.append((a - b) / b)
    found = relative_gain(ours, theirs)
    assert (found.mean, found.std, found.low, found.high) == pytest.approx(plain(gains), rel=1e-4)
    assert relative_gain(ours, [0.4, 0.0, 1.0]) is None
