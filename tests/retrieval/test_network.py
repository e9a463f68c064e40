"""FMN against equations written out in plain loops."""

import math

import pytest
import torch

from fmn.errors import InputError
from fmn.retrieval.network import FeatureMemoryNetwork, FmnConfig
from fmn.retrieval.scoring import TINY


def network(**changes):
    shape = {"video_dim": 7, "audio_dim": 5, "common": 4, "hidden": 6, "capacity": 3, "dropout": 0.0, **changes}
    torch.manual_seed(0)
    return FeatureMemoryNetwork(FmnConfig(**shape)).double().eval()


def features(n, dim, seed):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def remember(net, pairs=3):
    video, audio = features(pairs, 7, 5), features(pairs, 5, 6)
    net.memory.t1, net.memory.t2 = 0.0, 2.0
    net.memory.update(video, audio, torch.ones(pairs, dtype=torch.float64))
    return video, audio


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


def project(layer, vector):
    return [sum(w * x for w, x in zip(row, vector, strict=True)) for row in layer.weight.tolist()]


def shown(layer, vector):
    """The common space: a matrix, or y * sigmoid(G y + b) with y = W x + c."""
    if isinstance(layer, torch.nn.Linear):
        return project(layer, vector)
    led = [y + c for y, c in zip(project(layer.lead, vector), layer.lead.bias.tolist(), strict=True)]
    gate = [g + b for g, b in zip(project(layer.gate, led), layer.gate.bias.tolist(), strict=True)]
    return [y / (1 + math.exp(-g)) for y, g in zip(led, gate, strict=True)]


def plain_s1(net, v, a):
    p_v, p_a = shown(net.project_video, v), shown(net.project_audio, a)
    norm_v, norm_a = math.sqrt(sum(x * x for x in p_v)), math.sqrt(sum(x * x for x in p_a))
    no = yes = 0.0
    if net.config.fusion != "cosine":
        left = project(net.head_video, [x / norm_v for x in p_v])
        right = project(net.head_audio, [x / norm_a for x in p_a])
        hidden = [max(0.0, x + y + b) for x, y, b in zip(left, right, net.head_audio.bias.tolist(), strict=True)]
        no, yes = (z + b for z, b in zip(project(net.head_out, hidden), net.head_out.bias.tolist(), strict=True))
    if net.config.fusion != "head":
        yes += net.heat.item() * cosine(p_v, p_a) + net.offset.item()
    return math.exp(yes) / (math.exp(no) + math.exp(yes))


def plain_max(net, v, a, slots_v, slots_a):
    if net.config.keys == "common":
        v, a = shown(net.project_video, v), shown(net.project_audio, a)
        slots_v = [shown(net.project_video, slot) for slot in slots_v]
        slots_a = [shown(net.project_audio, slot) for slot in slots_a]
    m_v, m_a = [cosine(v, slot) for slot in slots_v], [cosine(a, slot) for slot in slots_a]
    if net.config.maximum == "hard":
        return max(x * y for x, y in zip(m_v, m_a, strict=True))
    heat = net.config.temperature
    e_v, e_a = [math.exp(m / heat) for m in m_v], [math.exp(m / heat) for m in m_a]
    return sum(x * y for x, y in zip(e_v, e_a, strict=True)) / (sum(e_v) * sum(e_a))


@pytest.mark.parametrize("keys", ["raw", "common"])
@pytest.mark.parametrize("maximum", ["hard", "soft"])
@pytest.mark.parametrize("beta", [-1.0, 0.0, 1.0, 0.5])
@pytest.mark.parametrize(("projection", "fusion"), [("linear", "head"), ("gated", "both"), ("gated", "cosine")])
def test_scores_are_the_equations(keys, maximum, beta, projection, fusion):
    net = network(keys=keys, maximum=maximum, beta=beta, projection=projection, fusion=fusion)
    slots_v, slots_a = (bank.tolist() for bank in remember(net))
    video, audio = features(4, 7, 1), features(6, 5, 2)
    scores, s1, *_ = net(video, audio)
    for i in range(4):
        for j in range(6):
            v, a = video[i].tolist(), audio[j].tolist()
            first = plain_s1(net, v, a)
            assert s1[i, j].item() == pytest.approx(first)
            expected = first * max(TINY, plain_max(net, v, a, slots_v, slots_a)) ** beta
            assert scores[i, j].item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("keys", ["raw", "common"])
def test_an_empty_memory_leaves_s1_alone(keys):
    net = network(keys=keys)
    scores, s1, *_ = net(features(3, 7, 1), features(2, 5, 2))
    assert torch.equal(scores, s1)


def test_empty_slots_never_match():
    half_full, small = network(capacity=3, maximum="hard", keys="raw"), network(capacity=1, maximum="hard", keys="raw")
    small.load_state_dict({k: v[:1] if k.startswith("memory.") else v for k, v in half_full.state_dict().items()})
    for net in (half_full, small):
        remember(net, pairs=1)
    video, audio = features(9, 7, 1), features(9, 5, 2)
    assert torch.allclose(half_full(video, audio)[0], small(video, audio)[0], rtol=1e-12)


def test_the_head_ranks_differently_for_different_queries():
    """A linear head over a concatenation could not: it scores f(v) + g(a)."""
    net = network(hidden=32)
    s1 = net(features(20, 7, 1), features(20, 5, 2))[1]
    assert len({tuple(row.argsort().tolist()) for row in s1}) > 1


def test_standardiser_centres_scales_and_silences_constant_columns():
    net = network()
    video, audio = 100 + 3 * features(50, 7, 1), features(60, 5, 2)
    video[:, 2] = 8.25
    net.fit_standardiser(video, audio)
    standard = net.standardise_video(video)
    kept = [0, 1, 3, 4, 5, 6]
    assert standard[:, kept].mean(0).abs().max() < 1e-9
    assert torch.allclose(standard[:, kept].std(0, correction=0), torch.ones(6, dtype=torch.float64))
    assert standard[:, 2].abs().max() == 0


@pytest.mark.parametrize(
    "wrong",
    [{"capacity": 0}, {"keys": "space"}, {"maximum": "most"}, {"weight": 1.5}, {"temperature": 0.0}, {"dropout": 1.0}],
)
def test_a_wrong_shape_is_a_sentence(wrong):
    with pytest.raises(InputError, match=next(iter(wrong)).capitalize() + "|" + next(iter(wrong))):
        FmnConfig(**wrong)
