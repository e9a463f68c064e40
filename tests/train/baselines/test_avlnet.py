"""The masked margin softmax against a plain loop."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.train.baselines.avlnet import masked_margin_softmax


def plain(similarity, match, margin):
    total = 0.0
    for i, row in enumerate(similarity):
        pair = math.exp(row[i] - margin)
        others = sum(math.exp(value) for n, value in enumerate(row) if not match[i][n])
        total -= math.log(pair / (pair + others))
    return total / len(similarity)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.floats(0, 2), st.integers(0, 10_000))
def test_masked_margin_softmax_is_the_plain_loop(n, margin, seed):
    generator = torch.Generator().manual_seed(seed)
    similarity = 4 * torch.randn(n, n, generator=generator, dtype=torch.float64)
    codes = torch.randint(0, 4, (n,), generator=generator)
    match = codes[:, None] == codes[None, :]
    found = masked_margin_softmax(similarity, match, margin).item()
    wanted = plain(similarity.tolist(), match.tolist(), margin) + plain(similarity.T.tolist(), match.tolist(), margin)
    assert found == pytest.approx(wanted, abs=1e-9)


def test_other_matches_of_an_anchor_move_nothing():
    similarity = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    codes = torch.tensor([0, 0, 1, 2])
    loss = masked_margin_softmax(similarity, codes[:, None] == codes[None, :], 0.1)
    (gradient,) = torch.autograd.grad(loss, similarity)
    assert gradient[0, 1] == gradient[1, 0] == 0
    assert (gradient.diagonal() < 0).all() and gradient[0, 2] > 0
