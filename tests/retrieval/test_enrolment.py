"""Enrolment writes new categories into slots of their own and leaves the old ones bit for bit."""

import numpy as np
import pytest
import torch

from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval import FeatureMemoryNetwork, FmnConfig, Retriever
from fmn.retrieval.enrolment import enrol
from fmn.retrieval.pairing import pair_up

DIM_V, DIM_A = 6, 5
BANKS = ("video", "audio", "used", "born")


def retriever(capacity=4, filled=3, **changes):
    torch.manual_seed(0)
    shape = {"video_dim": DIM_V, "audio_dim": DIM_A, "common": 4, "hidden": 5, "capacity": capacity, "t2": 2.0}
    network = FeatureMemoryNetwork(FmnConfig(**{**shape, **changes})).eval()
    network.fit_standardiser(torch.randn(9, DIM_V) * 3 + 5, torch.randn(9, DIM_A) - 2)
    if filled:
        network.memory.update(torch.randn(filled, DIM_V), torch.randn(filled, DIM_A), torch.ones(filled))
    return Retriever(network, {m: {"encoder": "toy", "fingerprint": ""} for m in ("video", "audio")})


def pairs(n, seed=0):
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, DIM_V)) * 3 + 5).astype(np.float32), random.normal(size=(n, DIM_A)).astype(
        np.float32
    )


def test_a_free_slot_is_used_first_then_the_banks_grow_and_old_slots_keep_their_bits():
    given = retriever()
    before = {name: getattr(given.network.memory, name).clone() for name in BANKS}
    learnt, done = enrol(given, *pairs(5), ["a", "b", "a", "b", "b"])
    memory = learnt.network.memory
    assert [each.to_json() for each in done] == [
        {"label": "a", "pairs": 2, "slots": [3], "grew": False},
        {"label": "b", "pairs": 3, "slots": [4], "grew": True},
    ]
    assert memory.capacity == 5 and learnt.network.config.enrolled == {"a": 3, "b": 4}
    for name in BANKS:
        assert torch.equal(getattr(memory, name)[:3], before[name][:3])
        assert torch.equal(getattr(given.network.memory, name), before[name])  # what was given stays as it was
    assert memory.used[3:].tolist() == [2, 3] and memory.born[3:].tolist() == [4, 5]
    for name, value in given.network.state_dict().items():
        if not name.startswith("memory."):
            assert torch.equal(learnt.network.state_dict()[name], value)


def test_a_slot_is_the_mean_of_its_standardised_pairs():
    given = retriever()
    video, audio = pairs(4)
    learnt, _ = enrol(given, video, audio, ["a", "b", "a", "a"])
    net = given.network
    for bank, features, mean, scale in (
        (learnt.network.memory.video, video, net.standard_video.mean, net.standard_video.scale),
        (learnt.network.memory.audio, audio, net.standard_audio.mean, net.standard_audio.scale),
    ):
        rows = [(features[i] - mean.numpy()) * scale.numpy() for i in (0, 2, 3)]
        assert np.allclose(bank[3].numpy(), sum(rows) / 3, atol=1e-5)


def test_enrolling_in_steps_is_enrolling_at_once():
    given = retriever()
    video, audio = pairs(6)
    labels = ["a", "b", "a", "b", "b", "a"]
    whole, _ = enrol(given, video, audio, labels)
    part, _ = enrol(given, video[:2], audio[:2], labels[:2])
    part, done = enrol(part, video[2:], audio[2:], labels[2:])
    assert [each.grew for each in done] == [False, False]
    for name in BANKS:
        assert torch.allclose(getattr(part.network.memory, name), getattr(whole.network.memory, name), atol=1e-6)
    assert np.array_equal(part.enrolled["video"], video) and np.array_equal(whole.enrolled["audio"], audio)


@pytest.mark.parametrize("keys", ["raw", "common"])
@pytest.mark.parametrize("maximum", ["soft", "hard"])
def test_s1_counts_as_one_where_the_maximum_comes_from_an_enrolled_slot(keys, maximum):
    given = retriever(keys=keys, maximum=maximum)
    learnt, _ = enrol(given, *pairs(2), ["a", "b"])
    video, audio = pairs(3, 1)
    net, found = learnt.network, learnt.score(video, audio)
    with torch.no_grad():
        x, y = net.standardise_video(torch.from_numpy(video)), net.standardise_audio(torch.from_numpy(audio))
        p_v, p_a = net.embed_video(x), net.embed_audio(y)
        s1 = net.s1(p_v, p_a).tolist()
        if keys == "raw":
            m_v, m_a = net.memory.similarity(x, y)
        else:
            m_v = p_v @ net.embed_video(net.memory.video).T
            m_a = p_a @ net.embed_audio(net.memory.audio).T
    heat = net.config.temperature
    for i in range(3):
        for j in range(3):
            if maximum == "hard":
                products = [v * a for v, a in zip(m_v[i].tolist(), m_a[j].tolist(), strict=True)]
                best = int(np.argmax(products))
                expected = max(products[best], 1e-6) * (1.0 if best >= 3 else s1[i][j])
            else:
                w_v, w_a = (np.exp(m.numpy() / heat) / np.exp(m.numpy() / heat).sum() for m in (m_v[i], m_a[j]))
                old, new = ((w_v[part] * w_a[part]).sum() for part in (slice(0, 3), slice(3, None)))
                expected = s1[i][j] * old + new
            assert found[i, j] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_an_empty_memory_learns_categories_too_and_a_pair_finds_itself():
    given = retriever(capacity=1, filled=0)
    video, audio = pairs(4)
    learnt, done = enrol(given, video, audio, ["a", "b", "c", "d"])
    assert [each.slots for each in done] == [[0], [1], [2], [3]]
    scores = learnt.score(video, audio)
    assert (np.diagonal(scores) >= scores.max(1) - 1e-6).all()


def test_updating_replaces_an_enrolled_slot_last():
    learnt, _ = enrol(retriever(capacity=3), *pairs(1), ["a"])
    memory = learnt.network.memory
    kept = memory.video[3].clone()
    memory.update(torch.randn(7, DIM_V), torch.randn(7, DIM_A), torch.ones(7))
    assert torch.equal(memory.video[3], kept) and memory.born.max() == 11


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v, a, n: (v[:0], a[:0], []), "at least one pair"),
        (lambda v, a, n: (v, a[:1], n), "as many"),
        (lambda v, a, n: (v, a, ["a", ""]), "pair 1 has none"),
        (lambda v, a, n: (v[:, :2], a, n), r"shape \[n, 6\]"),
        (lambda v, a, n: (v * np.nan, a, n), "finite"),
    ],
)
def test_wrong_pairs_are_sentences(change, said):
    with pytest.raises(InputError, match=said):
        enrol(retriever(), *change(*pairs(2), ["a", "b"]))


@pytest.mark.parametrize("enrolled", [{"a": 9}, {"a": 0, "b": 0}, {"a": -1}, {"a": "x"}])
def test_a_garbled_place_is_a_sentence(enrolled):
    with pytest.raises(InputError, match="slot of its own"):
        FmnConfig(capacity=4, enrolled=enrolled)


def items(modality, *names, pair=False):
    stems = [name.rsplit("/", 1)[-1].split(".")[0] for name in names]
    places = [
        {"pair": stem} if pair else {"label": name.split("/")[0]} for name, stem in zip(names, stems, strict=True)
    ]
    return [Item(name, modality, f"/no/{name}", **place) for name, place in zip(names, places, strict=True)]


def test_same_stems_of_a_label_are_pairs_and_the_rest_goes_by_order():
    videos = items("video", "cut/b.mp4", "cut/1.mp4", "cut/2.mp4", "pour/1.mp4", "stir/1.mp4")
    audio = items("audio", "cut/z.wav", "cut/y.wav", "cut/2.wav", "pour/x.wav", "pour/y.wav", "peel/1.wav")
    found = pair_up(videos, audio)
    named = [(videos[a].id, audio[b].id, label) for a, b, label in found.rows]
    assert named == [
        ("cut/2.mp4", "cut/2.wav", "cut"),
        ("cut/1.mp4", "cut/y.wav", "cut"),
        ("cut/b.mp4", "cut/z.wav", "cut"),
        ("pour/1.mp4", "pour/x.wav", "pour"),
    ]
    assert found.alone == ["stir/1.mp4", "pour/y.wav", "peel/1.wav"]


def test_flat_folders_make_every_pair_a_category_of_its_own():
    found = pair_up(items("video", "a.mp4", "b.mp4", pair=True), items("audio", "b.wav", "a.wav", pair=True))
    assert found.rows == [(0, 1, "a"), (1, 0, "b")] and not found.alone


@pytest.mark.parametrize("maximum", ["soft", "hard"])
def test_a_category_enrolled_into_an_empty_memory_leaves_the_order_of_what_does_not_resemble_it(maximum):
    """Alone in the memory, an enrolled slot would be the nearest one of everything, and every score the same."""
    given = retriever(filled=0, maximum=maximum, t2=0.4)
    video, audio = pairs(12)
    new = pairs(2, seed=1)
    learnt, _ = enrol(given, *new, ["new", "new"])
    before, after = given.score(video, audio), learnt.score(video, audio)
    net = learnt.network
    standard = net.standardise_video(torch.from_numpy(video)), net.standardise_audio(torch.from_numpy(audio))
    filled = net.memory.filled
    embedded = net.embed_video(standard[0]), net.embed_audio(standard[1])
    m_video, m_audio = net.similarities(*standard, *embedded, filled)
    for i in range(12):  # plain loop: the enrolled slot beside one that everything resembles by T2
        for j in range(12):
            v, a = m_video[i, 0].item(), m_audio[j, 0].item()
            if maximum == "soft":
                p = np.exp(v / 0.1) / (np.exp(v / 0.1) + np.exp(4)), np.exp(a / 0.1) / (np.exp(a / 0.1) + np.exp(4))
                wanted = before[i, j] * (1 - p[0]) * (1 - p[1]) + p[0] * p[1]
            else:
                wanted = v * a if v * a >= 0.16 else before[i, j] * 0.16
            assert after[i, j] == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    assert len(np.unique(after.round(6))) > 100


def test_a_memory_that_no_score_asks_learns_nothing():
    with pytest.raises(InputError, match=r"leaves out \(beta 0\)"):
        enrol(retriever(beta=0.0), *pairs(1), ["new"])
    enrol(retriever(beta=0.0, learn_beta=True), *pairs(1), ["new"])
