"""One slot a category: against a plain loop over all pairs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.retrieval.memory import FeatureMemory, remember_categories


def plain(video, audio, video_codes, audio_codes, s1, t1):
    """Category -> (mean video, mean audio, pairs) over its pairs with S1 > t1."""
    found = {}
    for i, code in enumerate(video_codes):
        for j, other in enumerate(audio_codes):
            if code == other and s1[i][j] > t1:
                sums = found.setdefault(code, [[0.0] * len(video[0]), [0.0] * len(audio[0]), 0])
                sums[0] = [a + b for a, b in zip(sums[0], video[i], strict=True)]
                sums[1] = [a + b for a, b in zip(sums[1], audio[j], strict=True)]
                sums[2] += 1
    return {code: ([x / n for x in v], [x / n for x in a], n) for code, (v, a, n) in found.items()}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 10_000), st.floats(-0.1, 1.1))
def test_a_slot_is_the_mean_of_its_categories_pairs_above_t1(videos, sounds, categories, seed, t1):
    random = torch.Generator().manual_seed(seed)
    video, audio = torch.randn(videos, 3, generator=random), torch.randn(sounds, 2, generator=random)
    video_codes = torch.randint(categories, (videos,), generator=random)
    audio_codes = torch.randint(categories, (sounds,), generator=random)
    s1 = torch.rand(videos, sounds, generator=random)
    memory = FeatureMemory(6, (3, 2), t1, 0.4, 0.1).double()
    memory.update(torch.ones(1, 3), torch.ones(1, 2), torch.ones(1))  # what was there before is gone afterwards
    remember_categories(memory, video.double(), audio.double(), video_codes, audio_codes, s1)
    wanted = plain(video.tolist(), audio.tolist(), video_codes.tolist(), audio_codes.tolist(), s1.tolist(), memory.t1)
    assert int(memory.filled.sum()) == len(wanted) and not bool(memory.video[len(wanted) :].any())
    for slot, code in enumerate(sorted(wanted)):
        mean_video, mean_audio, pairs = wanted[code]
        assert memory.video[slot].tolist() == pytest.approx(mean_video, abs=1e-6)
        assert memory.audio[slot].tolist() == pytest.approx(mean_audio, abs=1e-6)
        assert (int(memory.used[slot]), int(memory.born[slot])) == (pairs, slot + 1)


def test_more_categories_than_slots_are_refused():
    codes = torch.arange(4)
    with pytest.raises(ValueError, match="4 categories do not fit into 3 slots"):
        remember_categories(
            FeatureMemory(3, 2, 0.5, 0.4, 0.1), torch.eye(4)[:, :2], torch.eye(4)[:, :2], codes, codes, torch.eye(4)
        )
