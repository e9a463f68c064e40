"""The memory of items as a whole: what it scores, alone and together, kept and loaded again."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fmn.errors import InputError
from fmn.retrieval.moments import moments
from fmn.retrieval.network import FmnConfig
from fmn.retrieval.readout import write
from fmn.retrieval.remembering import MemoryConfig, MemoryNetwork
from fmn.retrieval.store import read_network, save_network

KERNELS = ("linear", "rbf", "arc-cosine")


def items(categories, each, dim, seed, noise=0.6):
    random = torch.Generator().manual_seed(seed)
    centres = torch.randn(categories, dim, generator=torch.Generator().manual_seed(dim))
    codes = torch.arange(categories).repeat_interleave(each)
    return centres[codes] + noise * torch.randn(len(codes), dim, generator=random), codes


def network(kernel="linear", **more):
    video, video_codes = items(5, 6, 20, 1)
    audio, audio_codes = items(5, 8, 30, 2)
    sizes = {"video_dim": 20, "audio_dim": 30, "video_items": 30, "audio_items": 40, "names": list("abcde")}
    found = MemoryNetwork(MemoryConfig(**sizes, kernel=kernel, **more))
    found.remember(video, audio, video_codes, audio_codes)
    return found.eval()


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_score_is_the_meeting_of_both_posteriors(kernel):
    memory = network(kernel)
    video, _ = items(5, 2, 20, 7)
    audio, _ = items(5, 3, 30, 8)
    found = memory.score(video, audio)
    left, right = memory.similarities("video", video), memory.similarities("audio", audio)
    for i in range(len(video)):
        for j in range(len(audio)):
            p, q = (np.exp(met.numpy() / 0.12) for met in (left[i], right[j]))
            assert found[i, j].item() == pytest.approx((p / p.sum()) @ (q / q.sum()), abs=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("indexed", [(), ("video",), ("audio",)])
def test_alone_equals_together_and_order_changes_nothing(kernel, indexed):
    """A gallery is given whole; queries come one at a time, or all, or shuffled."""
    memory = network(kernel)
    video, _ = items(5, 4, 20, 7)
    audio, _ = items(5, 3, 30, 8)
    together = memory.score(video, audio, indexed)
    order, other = (torch.randperm(n, generator=torch.Generator().manual_seed(n)) for n in (len(video), len(audio)))
    shuffled = memory.score(video[order], audio[other], indexed)
    assert torch.allclose(shuffled, together[order][:, other], rtol=0, atol=1e-12)
    for row in range(len(audio) if "video" in indexed else len(video)):
        if "video" in indexed:
            alone, wanted = memory.score(video, audio[row : row + 1], indexed)[:, 0], together[:, row]
        else:
            alone, wanted = memory.score(video[row : row + 1], audio, indexed)[0], together[row]
        assert torch.allclose(alone, wanted, rtol=0, atol=1e-12)


def test_what_is_remembered_and_indexed_counts_once():
    memory = network()
    known, _ = items(5, 6, 20, 1)  # the very bank
    fresh, _ = items(5, 4, 20, 7)
    both = memory.gallery_similarities("video", torch.cat([known, fresh]))
    assert torch.equal(both[len(known) :], memory.gallery_similarities("video", fresh))
    assert not torch.equal(both[: len(known)], memory.similarities("video", known))


def pairs_of(categories, each, seed, noise=1.5):
    """A memory of one-to-one pairs of `categories` kinds that nobody names, and what to ask it."""
    video, codes = items(categories, each, 20, seed, noise)
    audio, _ = items(categories, each, 30, seed + 1, noise)
    sizes = {"video_dim": 20, "audio_dim": 30, "video_items": len(codes), "audio_items": len(codes)}
    found = MemoryNetwork(MemoryConfig(**sizes, names=[str(pair) for pair in range(len(codes))]))
    own = torch.arange(len(codes))
    found.remember(video, audio, own, own)
    return found.eval()


def test_one_to_one_pairs_lend_one_another_their_scatter():
    """Each borrows from what is alike in both modalities; with the plain cosine between items far less is found."""
    memory = pairs_of(6, 20, 1)
    video, video_codes = items(6, 10, 20, 7, 1.5)
    audio, audio_codes = items(6, 10, 30, 8, 1.5)

    def right(score):
        return float((audio_codes[score.argmax(1)] == video_codes).float().mean())

    met = []
    for modality, asked in (("video", video), ("audio", audio)):
        reader = memory.reader(modality)
        assert reader.shrinkage == 0.4
        bank = reader.vector(getattr(memory, modality).double())
        plain = write(moments(bank, torch.eye(len(bank)).double()), 0.1)
        met.append(plain.similarities(memory.vectors(modality, asked)))
    assert right(memory.score(video, audio)) > right(memory.from_similarities(*met, None)) + 0.05


def test_a_few_pairs_with_several_items_change_a_memory_of_pairs_little():
    memory = pairs_of(6, 20, 1)
    video, _ = items(6, 4, 20, 7, 1.5)
    audio, _ = items(6, 4, 30, 8, 1.5)
    memory.audio_codes[1] = 0  # one category with two recordings, one without any
    assert memory.reader("audio").shrinkage == 0.4
    score = memory.score(video, audio)
    assert bool(torch.isfinite(score).all()) and bool((score >= 0).all())


def test_it_finds_what_was_never_remembered():
    memory = network()
    video, video_codes = items(5, 4, 20, 17)
    audio, audio_codes = items(5, 3, 30, 18)
    best = memory.score(video, audio).argmax(1)
    assert (audio_codes[best] == video_codes).float().mean() > 0.9


def test_banks_are_kept_and_the_rest_follows(tmp_path):
    memory = network("rbf", shrinkage=0.3)
    video, _ = items(5, 2, 20, 7)
    audio, _ = items(5, 3, 30, 8)
    save_network(tmp_path / "best.safetensors", memory)
    again = read_network(tmp_path / "best.safetensors", memory.config)
    assert torch.equal(again.score(video, audio), memory.score(video, audio))


def test_what_is_written_into_the_banks_is_read_at_once():
    memory = network()
    video, _ = items(5, 2, 20, 7)
    before = memory.similarities("video", video)
    memory.video_codes.copy_((memory.video_codes + 1) % 5)  # what was one category is the next one now
    assert torch.allclose(memory.similarities("video", video), before.roll(1, dims=1), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda memory: memory.video.fill_(float("nan")), "values that are not finite"),
        (lambda memory: memory.audio_codes.fill_(99), "items of no category: the memory has 5"),
    ],
)
def test_garbled_banks_are_a_sentence(tmp_path, spoil, said):
    memory = network()
    spoil(memory)
    save_network(tmp_path / "best.safetensors", memory)
    with pytest.raises(InputError, match=said):
        read_network(tmp_path / "best.safetensors", memory.config)


def test_a_memory_larger_than_its_file_is_a_sentence_and_no_allocation(tmp_path):
    memory = network()
    save_network(tmp_path / "best.safetensors", memory)
    with pytest.raises(InputError, match="by the config"):
        read_network(tmp_path / "best.safetensors", replace(memory.config, video_items=10**7, video_dim=10**7))


def test_a_middle_branch_larger_than_its_file_is_a_sentence_and_no_allocation(tmp_path):
    shape = FmnConfig(video_dim=20, audio_dim=30, common=8, beta=0.0).to_json()
    memory = network(exponent=0.5, middle=shape)
    save_network(tmp_path / "best.safetensors", memory)
    for spoiled in ({"common": 10**6}, {"capacity": 10**6, "video_dim": 10**6}):
        with pytest.raises(InputError, match="by the config"):
            read_network(tmp_path / "best.safetensors", replace(memory.config, middle=shape | spoiled))


def test_it_can_be_asked_under_inference_mode(tmp_path):
    memory = network()
    save_network(tmp_path / "best.safetensors", memory)
    video, _ = items(5, 2, 20, 7)
    audio, _ = items(5, 3, 30, 8)
    wanted = memory.score(video, audio)
    with torch.inference_mode():
        again = read_network(tmp_path / "best.safetensors", memory.config)
        assert torch.equal(again.score(video, audio), wanted)


def test_a_middle_branch_is_weighed_by_its_exponent():
    shape = FmnConfig(video_dim=20, audio_dim=30, common=8, beta=0.0).to_json()
    memory = network(exponent=0.5, middle=shape)
    video, _ = items(5, 2, 20, 7)
    audio, _ = items(5, 3, 30, 8)
    s1 = memory.s1(video, audio)
    plain = network().score(video, audio)
    assert torch.allclose(memory.score(video, audio), plain * s1.double().sqrt(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kernel": "cubic"}, "kernel is one of"),
        ({"shrinkage": 1.5}, r"lies in \[0, 1\], got 1.5"),
        ({"temperature": 0.0}, r"lies in \[0.0001, 10000\], got 0.0"),
        ({"folds": 1}, "2 to 100 folds, got 1"),
        ({"exponent": 1.0}, "wants a middle branch"),
        ({"names": []}, "each named once; got 0"),
        ({"names": ["a", "a"]}, "some of them alike"),
        ({"enrolled": 2}, "may be enrolled, got 2"),
    ],
)
def test_a_wrong_shape_is_a_sentence(wrong, said):
    with pytest.raises(InputError, match=said):
        MemoryConfig(**wrong)
