"""The losses against plain loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.errors import InputError
from fmn.train.losses import EDGE, matching_loss, ranking_loss, triplet_loss
from fmn.train.settings import TrainSettings


def plain_matching(scores, match):
    right, wrong = [], []
    for i in range(len(scores)):
        for j in range(len(scores[0])):
            s = min(max(scores[i][j], EDGE), 1 - EDGE)
            (right if match[i][j] else wrong).append(-math.log(s) if match[i][j] else -math.log(1 - s))
    means = [sum(part) / len(part) for part in (right, wrong) if part]
    return sum(means) / len(means)


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


def every_negative(near, others):
    return others


def hardest(near, others):
    return [max(others)]


def semi_hard(near, others):
    further = [value for value in others if value < near]
    return [max(further) if further else min(others)]


def plain_triplet(video, audio, match, margin, choose=every_negative):
    total = 0.0
    for anchors, others, matches in (
        (video, audio, match),
        (audio, video, [list(column) for column in zip(*match, strict=True)]),
    ):
        hinges = []
        for i, anchor in enumerate(anchors):
            negatives = [cosine(anchor, other) for n, other in enumerate(others) if not matches[i][n]]
            for p, positive in enumerate(others):
                if matches[i][p] and negatives:
                    near = cosine(anchor, positive)
                    hinges += [max(0.0, negative - near + margin) for negative in choose(near, negatives)]
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


def batch(n, seed):
    generator = torch.Generator().manual_seed(seed)
    video, audio = (
        torch.nn.functional.normalize(torch.randn(n, 5, generator=generator, dtype=torch.float64), dim=-1)
        for _ in range(2)
    )
    codes = torch.randint(0, 3, (n,), generator=generator)
    return video, audio, codes[:, None] == codes[None, :]


CHOICES = {"all": every_negative, "hardest": hardest, "semi-hard": semi_hard}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CHOICES)), st.integers(1, 6), st.floats(0, 1), st.integers(0, 10_000))
def test_triplet_loss_is_the_plain_loop(negatives, n, margin, seed):
    video, audio, match = batch(n, seed)
    found = triplet_loss(video, audio, match, margin, negatives).item()
    wanted = plain_triplet(video.tolist(), audio.tolist(), match.tolist(), margin, CHOICES[negatives])
    assert found == pytest.approx(wanted, abs=1e-12)


def test_all_negatives_are_the_default():
    video, audio, match = batch(6, 0)
    assert triplet_loss(video, audio, match, 0.2) == triplet_loss(video, audio, match, 0.2, "all")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_random_negative_is_one_of_them(seed):
    video, audio, _ = batch(4, seed)
    codes = torch.tensor([0, 1, 2, 2])
    match = codes[:, None] == codes[None, :]
    rows = video.tolist(), audio.tolist()
    # Anchor by anchor and match by match, what each valid negative would give; a margin of 3 leaves no hinge at 0.
    possible = []
    for anchors, others in (rows, rows[::-1]):
        for i, anchor in enumerate(anchors):
            negatives = [cosine(anchor, others[n]) for n in range(4) if codes[n] != codes[i]]
            nears = [cosine(anchor, others[p]) for p in range(4) if codes[p] == codes[i]]
            possible += [[negative - near + 3 for negative in negatives] for near in nears]
    sums = {0.0}
    for choices in possible:
        sums = {round(total + choice / 6, 9) for total in sums for choice in choices}
    torch.manual_seed(seed)
    found = triplet_loss(video, audio, match, 3.0, "random").item()
    assert min(abs(found - total) for total in sums) < 1e-7


def test_random_negatives_are_drawn_from_all_by_the_global_seed():
    video, audio, match = torch.eye(4), torch.eye(4).roll(1, 0), torch.eye(4, dtype=torch.bool)

    def draw(seed):
        torch.manual_seed(seed)
        return triplet_loss(video, audio, match, 0.5, "random").item()

    assert draw(3) == draw(3)
    assert len({draw(seed) for seed in range(20)}) > 2


def test_unknown_negatives_are_refused():
    with pytest.raises(InputError, match="semi-hard"):
        triplet_loss(torch.eye(2), torch.eye(2), torch.eye(2, dtype=torch.bool), 0.2, "easy")
    with pytest.raises(InputError, match="semi-hard"):
        TrainSettings(negatives="easy")


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


def plain_ranking(cosine, match, scale):
    """Every matching pair against what does not match its anchor, pair by pair."""
    total = 0.0
    for table, matches in ((cosine, match), (cosine.T, match.T)):
        terms = []
        for i, j in matches.nonzero().tolist():
            others = sum(math.exp(scale * float(table[i, n])) for n in range(len(table)) if not matches[i, n])
            own = math.exp(scale * float(table[i, j]))
            terms.append(-math.log(own / (own + others)))
        total += sum(terms) / max(1, len(terms))
    return total


@pytest.mark.parametrize("codes", [[0, 1, 2, 3, 4], [0, 0, 1, 1, 2], [0, 0, 0, 0, 0]])
def test_the_softmax_ranking_is_the_plain_loop(codes):
    generator = torch.Generator().manual_seed(len(set(codes)))
    video, audio = (
        torch.nn.functional.normalize(torch.randn(5, 4, generator=generator).double(), dim=1) for _ in range(2)
    )
    video.requires_grad_()
    match = torch.tensor(codes)[:, None] == torch.tensor(codes)[None, :]
    value = ranking_loss(video, audio, match, 4.0)
    assert float(value.detach()) == pytest.approx(plain_ranking((video @ audio.T).detach(), match, 4.0), abs=1e-9)
    value.backward()
    assert bool(torch.isfinite(video.grad).all())
