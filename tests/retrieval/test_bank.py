"""The memory vector against plain loops over the kernel's definition."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.retrieval import bank
from fmn.retrieval.bank import KERNELS, memory_vector, similarities


def kappa(x, y, kernel, width):
    inner = sum(a * b for a, b in zip(x, y, strict=True))
    if kernel == "linear":
        return inner
    if kernel == "rbf":
        return math.exp(-width * sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * len(x)))
    lengths = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
    cosine = max(-1.0, min(1.0, inner / lengths if lengths else 0.0))
    angle = math.acos(cosine)
    return (math.sin(angle) + (math.pi - angle) * cosine) / math.pi


def draw(n, dim, seed):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 6), st.integers(0, 999), st.sampled_from(KERNELS))
def test_similarities_are_the_kernels(n, m, dim, seed, kernel):
    left, right = draw(n, dim, seed), draw(m, dim, seed + 1)
    found = similarities(left, right, kernel, 0.7)
    for i in range(n):
        for j in range(m):
            wanted = kappa(left[i].tolist(), right[j].tolist(), kernel, 0.7)
            assert found[i, j].item() == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(1, 12), st.integers(0, 999), st.sampled_from(KERNELS))
def test_products_of_memory_vectors_are_the_centred_gram_matrix(n, dim, seed, kernel):
    remembered = draw(n, dim, seed)
    vectors = memory_vector(remembered, kernel, 0.3)(remembered)
    rows = remembered.tolist()
    gram = [[kappa(x, y, kernel, 0.3) for y in rows] for x in rows]
    means = [sum(row) / n for row in gram]
    every = sum(means) / n
    for i in range(n):
        for j in range(n):
            wanted = gram[i][j] - means[i] - means[j] + every
            assert (vectors[i] @ vectors[j]).item() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_row_is_met_by_itself(kernel):
    """To 1e-12 whatever else is asked with it."""
    vector = memory_vector(draw(30, 12, 0), kernel, 0.3)
    asked = draw(40, 12, 1)
    together = vector(asked)
    for row in range(len(asked)):
        assert torch.allclose(vector(asked[row : row + 1])[0], together[row], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel", ["rbf", "arc-cosine"])
def test_landmarks_stand_for_a_large_bank(kernel, monkeypatch):
    """Where the bank lies in few dimensions, some of its items span what all of them do."""
    remembered = draw(120, 3, 0)
    whole = memory_vector(remembered, kernel, 0.3)(remembered)
    monkeypatch.setattr(bank, "LANDMARKS", 60)
    some = memory_vector(remembered, kernel, 0.3)
    assert len(some.landmarks) == 60
    order = torch.randperm(120, generator=torch.Generator().manual_seed(1))
    assert torch.equal(memory_vector(remembered[order], kernel, 0.3).landmarks, some.landmarks)
    near = some(remembered)
    assert torch.allclose(near @ near.T, whole @ whole.T, atol=0.02)


@pytest.mark.parametrize("columns", [0, 3])
def test_columns_that_say_nothing_new_are_no_axes(columns):
    """However many items there are: the scatter's shrinkage counts the axes."""
    plain = draw(40, 5, 0)
    doubled = torch.cat([plain, plain[:, :columns], torch.ones(40, 2, dtype=torch.float64)], dim=1)
    vectors = memory_vector(doubled, "linear", 1.0)(doubled)
    assert vectors.shape == (40, 5)
    whole = memory_vector(plain, "linear", 1.0)
    assert whole.axes is None and whole(plain).shape == (40, 5)
    few = memory_vector(plain[:5], "linear", 1.0)
    assert few.axes is not None and few(plain).shape == (40, 4)


def test_one_remembered_item_has_no_axes():
    assert memory_vector(draw(1, 4, 0), "linear", 1.0)(draw(3, 4, 1)).shape == (3, 0)
