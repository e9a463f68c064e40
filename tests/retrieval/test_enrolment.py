"""Enrolment puts pairs of new categories into the banks, under slots of their own, and the old ones stay."""

import numpy as np
import pytest
import torch

from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval import FeatureMemoryNetwork, FmnConfig, Retriever
from fmn.retrieval.enrolment import enrol
from fmn.retrieval.pairing import pair_up
from fmn.retrieval.remembering import MemoryConfig, MemoryNetwork

DIM_V, DIM_A, KNOWN = 6, 5, 3


def retriever():
    """Three categories of four clips and five recordings."""
    torch.manual_seed(0)
    names = [f"label old {code}" for code in range(KNOWN)]
    sizes = {"video_dim": DIM_V, "audio_dim": DIM_A, "video_items": 12, "audio_items": 15}
    network = MemoryNetwork(MemoryConfig(**sizes, names=names))
    codes = torch.arange(KNOWN).repeat_interleave(4), torch.arange(KNOWN).repeat_interleave(5)
    places = torch.eye(DIM_V)[codes[0]] * 4, torch.eye(DIM_A)[codes[1]] * 4
    network.remember(torch.randn(12, DIM_V) + places[0], torch.randn(15, DIM_A) + places[1], *codes)
    return Retriever(network.eval(), {m: {"encoder": "toy", "fingerprint": ""} for m in ("video", "audio")})


def pairs(n, seed=0, place=4):
    random = np.random.default_rng(seed)
    return tuple(
        (random.normal(size=(n, dim)) * 0.5 + 4 * np.eye(dim)[place]).astype(np.float32) for dim in (DIM_V, DIM_A)
    )


def test_pairs_are_remembered_beside_what_was_there():
    given = retriever()
    before = {name: value.clone() for name, value in given.network.state_dict().items()}
    video, audio = pairs(5)
    learnt, done = enrol(given, video, audio, ["a", "b", "a", "b", "b"])
    assert [each.to_json() for each in done] == [
        {"label": "a", "pairs": 2, "new": True},
        {"label": "b", "pairs": 3, "new": True},
    ]
    network, config = learnt.network, learnt.network.config
    assert config.names == [*given.network.config.names, "label a", "label b"] and config.enrolled == 2
    assert (config.video_items, config.audio_items) == (17, 20)
    for name, value in before.items():
        assert torch.equal(given.network.state_dict()[name], value)  # what was given stays as it was
        assert torch.equal(network.state_dict()[name][: len(value)], value)
    assert network.video_codes[12:].tolist() == network.audio_codes[15:].tolist() == [3, 4, 3, 4, 4]
    wanted = (torch.from_numpy(video) - network.standard_video.mean) * network.standard_video.scale
    assert torch.equal(network.video[12:], wanted)
    assert np.array_equal(learnt.enrolled["audio"], audio)


def test_enrolling_in_steps_is_enrolling_at_once():
    video, audio = pairs(4)
    labels = ["a", "b", "a", "b"]
    whole, _ = enrol(retriever(), video, audio, labels)
    steps = retriever()
    for row, label in enumerate(labels):
        steps, _ = enrol(steps, video[row : row + 1], audio[row : row + 1], [label])
    asked = pairs(6, seed=3)
    assert np.allclose(steps.score(*asked), whole.score(*asked), rtol=0, atol=1e-6)
    assert np.array_equal(steps.enrolled["video"], whole.enrolled["video"])


def test_a_known_label_gets_no_other_slot():
    learnt, done = enrol(retriever(), *pairs(2), ["old 1", "new"])
    assert [each.new for each in done] == [False, True]
    assert learnt.network.video_codes[12:].tolist() == [1, 3] and learnt.network.config.enrolled == 1


def test_what_was_enrolled_is_found():
    learnt, _ = enrol(retriever(), *pairs(3), ["new"] * 3)
    video, audio = pairs(4, seed=9)
    old = pairs(4, seed=9, place=1)
    scores = learnt.score(np.concatenate([video, old[0]]), np.concatenate([audio, old[1]]))
    assert scores[:4, :4].min() > 5 * scores[:4, 4:].max() and scores[4:, 4:].min() > 5 * scores[4:, :4].max()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v, a, n: (v[:0], a[:0], []), "at least one pair"),
        (lambda v, a, n: (v, a[:1], n), "as many"),
        (lambda v, a, n: (v, a, ["a", ""]), "pair 1 has 'none'"),
        (lambda v, a, n: (v[:, :2], a, n), r"shape \[n, 6\]"),
        (lambda v, a, n: (v * np.nan, a, n), "finite"),
    ],
)
def test_wrong_pairs_are_sentences(change, said):
    with pytest.raises(InputError, match=said):
        enrol(retriever(), *change(*pairs(2), ["a", "b"]))


def test_only_a_memory_of_items_learns_categories():
    network = FeatureMemoryNetwork(FmnConfig(video_dim=DIM_V, audio_dim=DIM_A, common=4))
    with pytest.raises(InputError, match="Only a memory of items"):
        enrol(Retriever(network, {}), *pairs(1), ["new"])


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
