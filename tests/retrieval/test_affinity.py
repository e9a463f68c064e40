"""Which categories stand for one another: against plain loops."""

import math
import statistics

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.retrieval.affinity import affinity, lone


def draw(n, dim, seed):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cosine(x, y):
    inner = sum(a * b for a, b in zip(x, y, strict=True))
    return inner / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 8), st.integers(2, 6), st.integers(0, 999), st.booleans())
def test_it_is_a_softmax_of_what_both_modalities_say(count, dim, seed, lacking):
    means = [draw(count, dim, seed), draw(count, dim + 1, seed + 1)]
    there = [torch.ones(count, dtype=torch.bool) for _ in means]
    if lacking:
        there[1][0] = False
        means[1][0] = 0
    found = affinity(list(zip(means, there, strict=True)), there[0])
    alike = [[0.0] * count for _ in range(count)]
    for mean, known in zip(means, there, strict=True):
        rows = mean.tolist()
        pairs = [(i, j) for i in range(count) for j in range(count) if known[i] and known[j]]
        if sum(known.tolist()) < 3:
            continue
        spread = statistics.stdev([cosine(rows[i], rows[j]) for i, j in pairs if i != j])
        for i, j in pairs:
            alike[i][j] += cosine(rows[i], rows[j]) / spread
    for i in range(count):
        heat = [math.exp(value / 2.0) for value in alike[i]]
        for j in range(count):
            assert found[i, j].item() == pytest.approx(heat[j] / sum(heat), abs=1e-9)


def test_nothing_counts_for_a_category_that_has_nothing():
    there = torch.tensor([True, True, True, False])
    every = torch.ones(4, dtype=torch.bool)
    found = affinity([(draw(4, 5, 0), there), (draw(4, 6, 1), every)], there)
    assert found[:3, 3].tolist() == [0, 0, 0] and found[3].tolist() == [0, 0, 0, 1]
    assert torch.allclose(found.sum(1), torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("means", [draw(2, 5, 0), torch.ones(4, 5).double(), torch.zeros(4, 0).double()])
def test_where_nothing_can_be_told_each_counts_for_itself(means):
    every = torch.ones(len(means), dtype=torch.bool)
    assert torch.equal(affinity([(means, every)] * 2, every), torch.eye(len(means)).double())


@pytest.mark.parametrize(("codes", "said"), [([0, 1, 2], True), ([0, 0, 1, 2], True), ([0, 0, 1, 1], False)])
def test_fewer_than_two_items_a_category_are_lone(codes, said):
    assert lone(torch.nn.functional.one_hot(torch.tensor(codes), 5)) is said
