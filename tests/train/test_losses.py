"""The losses against plain loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.train.losses import EDGE, matching_loss, triplet_loss


def plain_matching(scores, match):
    right, wrong = [], []
    for i in range(len(scores)):
        for j in range(len(scores[0])):
            s = min(max(scores[i][j], EDGE), 1 - EDGE)
            (right if match[i][j] else wrong).append(-math.log(s) if match[i][j] else -math.log(1 - s))
    means = [sum(part) / len(part) for part in (right, wrong) if part]
    return sum(means) / len(means)


def plain_triplet(video, audio, match, margin):
    def cosine(x, y):
        return sum(a * b for a, b in zip(x, y, strict=True))

    total = 0.0
    for anchors, others, matches in (
        (video, audio, match),
        (audio, video, [list(column) for column in zip(*match, strict=True)]),
    ):
        hinges = []
        for i, anchor in enumerate(anchors):
            for p, positive in enumerate(others):
                for n, negative in enumerate(others):
                    if matches[i][p] and not matches[i][n]:
                        hinges.append(max(0.0, cosine(anchor, negative) - cosine(anchor, positive) + margin))
        violating = [hinge for hinge in hinges if hinge > 0]
        total += sum(violating) / max(1, len(violating))
    return total


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 10_000))
def test_matching_loss_is_the_plain_loop(n, m, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(n, m, generator=generator, dtype=torch.float64) * 1.4 - 0.2
    match = torch.rand(n, m, generator=generator) < 0.3
    assert matching_loss(scores, match).item() == pytest.approx(plain_matching(scores.tolist(), match.tolist()))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.floats(0, 1), st.integers(0, 10_000))
def test_triplet_loss_is_the_plain_loop(n, margin, seed):
    generator = torch.Generator().manual_seed(seed)
    video, audio = (
        torch.nn.functional.normalize(torch.randn(n, 5, generator=generator, dtype=torch.float64), dim=-1)
        for _ in range(2)
    )
    codes = torch.randint(0, 3, (n,), generator=generator)
    match = codes[:, None] == codes[None, :]
    found = triplet_loss(video, audio, match, margin).item()
    assert found == pytest.approx(plain_triplet(video.tolist(), audio.tolist(), match.tolist(), margin), abs=1e-12)


def test_triplet_loss_is_zero_where_nothing_violates():
    axes = torch.eye(3)
    assert triplet_loss(axes, axes, torch.eye(3, dtype=torch.bool), 0.2).item() == 0.0


def test_the_losses_pull_matching_pairs_together():
    video = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    audio = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    match = torch.eye(6, dtype=torch.bool)
    for _ in range(50):
        loss = triplet_loss(
            torch.nn.functional.normalize(video, dim=-1), torch.nn.functional.normalize(audio, dim=-1), match, 0.2
        )
        if loss.item() == 0:
            break
        (gradient,) = torch.autograd.grad(loss, video)
        video = (video - gradient).detach().requires_grad_(True)
    cosine = torch.nn.functional.normalize(video, dim=-1) @ torch.nn.functional.normalize(audio, dim=-1).T
    assert (cosine.argmax(1) == torch.arange(6)).all()
