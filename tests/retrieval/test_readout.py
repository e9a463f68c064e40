"""Slots, metric and reading against plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.retrieval import readout
from fmn.retrieval.moments import moments


def write(vectors, shares, shrinkage):
    return readout.write(moments(vectors, shares), shrinkage)


def plain(vectors, shares, shrinkage, asked):
    """M [N, C] by the definition, category by category and item by item."""
    n, d = vectors.shape
    categories = shares.shape[1]
    counts = [sum(shares[i][c] for i in range(n)) for c in range(categories)]
    filled = [c for c in range(categories) if counts[c] > 1e-12]
    slots = {c: sum(shares[i][c] * vectors[i] for i in range(n)) / counts[c] for c in filled}
    scatter = np.zeros((d, d))
    for i in range(n):
        for c in filled:
            away = vectors[i] - slots[c]
            scatter += shares[i][c] * np.outer(away, away)
    freedom = sum(counts) - sum(sum(shares[i][c] ** 2 for i in range(n)) / counts[c] for c in filled)
    even = np.trace(scatter) / d / freedom if freedom > 0.5 else 0.0
    if even > 0:
        values, axes = np.linalg.eigh((1 - shrinkage) * scatter / freedom + shrinkage * even * np.eye(d))
        whitener = axes @ np.diag(np.maximum(values, 1e-12 * values[-1]) ** -0.5) @ axes.T
    else:
        whitener = np.eye(d)
    white = {c: whitener @ slots[c] for c in filled}
    middle = sum(white.values()) / len(filled)
    spanned: list[np.ndarray] = []  # Gram-Schmidt over what the slots span
    for c in filled:
        rest = white[c] - middle
        for axis in spanned:
            rest = rest - (rest @ axis) * axis
        if np.linalg.norm(rest) > 1e-8:
            spanned.append(rest / np.linalg.norm(rest))

    def seen(vector):
        return np.array([(vector - middle) @ axis for axis in spanned])

    def length(vector):  # of one or two axes alone there are hardly any directions
        away = vector - middle
        return np.linalg.norm(seen(vector) if len(spanned) >= 3 else away)

    found = np.full((len(asked), categories), -1.0)
    for row, x in enumerate(asked):
        for c in filled:
            left, right = seen(whitener @ x), seen(white[c])
            lengths = length(whitener @ x) * np.linalg.norm(right)
            found[row, c] = left @ right / lengths if lengths > 0 else 0.0
    return found


@settings(max_examples=80, deadline=None)
@given(
    st.integers(2, 14), st.integers(2, 7), st.integers(2, 6), st.integers(0, 9999), st.floats(0.01, 1), st.booleans()
)
def test_reading_is_the_definitions(n, d, categories, seed, shrinkage, soft):
    random = np.random.default_rng(seed)
    vectors, asked = random.normal(size=(n, d)), random.normal(size=(5, d))
    shares = np.eye(categories)[random.integers(categories, size=n)]
    if soft:
        shares = shares * random.uniform(0.2, 1, size=(n, 1)) + 0.05
    readout = write(torch.from_numpy(vectors), torch.from_numpy(shares), shrinkage)
    found = readout.similarities(torch.from_numpy(asked)).numpy()
    assert found == pytest.approx(plain(vectors, shares, shrinkage, asked), abs=1e-6)


def test_one_item_a_category_has_no_scatter_and_is_met_by_the_plain_cosine():
    vectors = torch.eye(3, dtype=torch.float64)
    readout = write(vectors, torch.eye(3, dtype=torch.float64), 0.02)
    met = readout.similarities(vectors)
    assert torch.allclose(met.diagonal(), torch.ones(3, dtype=torch.float64))
    assert torch.allclose(met[0, 1], torch.tensor(-0.5, dtype=torch.float64))  # three directions around their middle


def test_a_category_of_which_nothing_is_remembered_is_met_by_nothing():
    shares = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    readout = write(torch.randn(3, 4, dtype=torch.float64), shares, 0.1)
    assert readout.filled.tolist() == [True, False, True]
    assert (readout.similarities(torch.randn(5, 4, dtype=torch.float64))[:, 1] == -1).all()


def test_one_category_alone_is_no_direction():
    readout = write(torch.randn(4, 3, dtype=torch.float64), torch.ones(4, 1, dtype=torch.float64), 0.1)
    assert readout.similarities(torch.randn(2, 3, dtype=torch.float64)).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("vectors", [torch.zeros(3, 0), torch.zeros(4, 2), torch.full((4, 2), 7.0)])
def test_a_bank_that_spans_nothing_tells_nothing(vectors):
    shares = torch.eye(2, dtype=torch.float64)[torch.arange(len(vectors)) % 2]
    readout = write(vectors.double(), shares, 0.1)
    assert readout.similarities(vectors.double()).unique().tolist() == [0.0]


def test_two_categories_are_met_in_degrees():
    vectors = torch.randn(40, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    readout = write(vectors, torch.eye(2, dtype=torch.float64)[torch.arange(40) % 2], 0.1)
    met = readout.similarities(vectors)
    assert len(met[:, 0].round(decimals=6).unique()) == 40 and torch.allclose(met[:, 0], -met[:, 1])
