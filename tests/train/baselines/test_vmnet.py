"""VM-Net's losses against plain loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.train.baselines.vmnet import ranking_loss, structure_loss


def dot(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


def sign(value):
    return (value > 0) - (value < 0)


def plain_ranking(anchors, others, match, margin, most):
    hinges = []
    for i, anchor in enumerate(anchors):
        worst = min(dot(anchor, other) for p, other in enumerate(others) if match[i][p])
        negatives = sorted((dot(anchor, other) for n, other in enumerate(others) if not match[i][n]), reverse=True)
        hinges += [max(0.0, negative - worst + margin) for negative in negatives[:most]]
    return sum(hinges) / max(1, len(hinges))


def plain_structure(before, after):
    count, total = len(after), 0.0
    for i in range(count):
        for j in range(count):
            for k in range(count):
                if len({i, j, k}) == 3:
                    ahead = dot(after[i], after[k]) - dot(after[i], after[j])
                    order = sign(ahead) - sign(dot(before[i], before[k]) - dot(before[i], before[j]))
                    total += order * ahead
    return total / (count * (count - 1) * (count - 2))


def units(n, dim, generator):
    vectors = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(vectors, dim=1)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 9), st.floats(0, 1), st.integers(0, 10_000))
def test_ranking_loss_is_the_plain_loop(n, most, margin, seed):
    generator = torch.Generator().manual_seed(seed)
    video, audio = units(n, 4, generator), units(n, 4, generator)
    codes = torch.randint(0, 3, (n,), generator=generator)
    match = codes[:, None] == codes[None, :]
    found = ranking_loss(video, audio, match, margin=margin, most=most, from_video=3.0, from_audio=0.5).item()
    rows = video.tolist(), audio.tolist()
    wanted = 3 * plain_ranking(*rows, match.tolist(), margin, most)
    wanted += 0.5 * plain_ranking(*reversed(rows), match.T.tolist(), margin, most)
    assert found == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 8), st.integers(0, 10_000))
def test_structure_loss_is_the_plain_loop(n, seed):
    generator = torch.Generator().manual_seed(seed)
    before, after = units(n, 5, generator), units(n, 3, generator)
    found = structure_loss(3 * before, 0.2 * after).item()
    assert found == pytest.approx(plain_structure(before.tolist(), after.tolist()), abs=1e-12)


def test_ties_count_half_as_in_the_plain_loop():
    before = torch.tensor([[1.0, 0], [1, 0], [1, 0], [0, 1]], dtype=torch.float64)
    after = torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8], [0, 1]], dtype=torch.float64)
    wanted = plain_structure(before.tolist(), after.tolist())
    assert wanted > 0
    assert structure_loss(before, after).item() == pytest.approx(wanted)


def test_structure_loss_is_zero_where_the_order_is_kept_and_for_two_items():
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    assert structure_loss(vectors, 2 * vectors).item() == 0.0
    assert structure_loss(vectors[:2], vectors[:2]).item() == 0.0


def test_the_gradient_of_the_structure_loss_restores_the_order():
    generator = torch.Generator().manual_seed(0)
    before = torch.randn(8, 5, generator=generator)
    after = torch.randn(8, 5, generator=generator, requires_grad=True)
    start = structure_loss(before, after).item()
    for _ in range(200):
        (gradient,) = torch.autograd.grad(structure_loss(before, after), after)
        after = (after - gradient).detach().requires_grad_(True)
    assert structure_loss(before, after).item() < 0.1 * start
