"""Independent banks: each is what a plain loop over one modality gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.retrieval.memory import IndependentMemory
from fmn.retrieval.network import FeatureMemoryNetwork, FmnConfig


def plain_bank(rows, scores, capacity, t1, t2, weight):
    """One bank by the rule of the paper, slot by slot."""
    bank, used, born = [None] * capacity, [0] * capacity, [0] * capacity
    for row, score in zip(rows, scores, strict=True):
        if not score > t1:
            continue
        found = [
            float(row @ slot / (row.norm() * slot.norm())) if used[x] and row.norm() and slot.norm() else 0.0
            for x, slot in enumerate(bank)
            if used[x]
        ]
        places = [x for x in range(capacity) if used[x]]
        if not found or max(found) < t2:
            free = [x for x in range(capacity) if not used[x]]
            x = free[0] if free else min(range(capacity), key=lambda x: (used[x], born[x]))
            bank[x], used[x], born[x] = row.clone(), 1, max(born) + 1
        else:
            x = places[found.index(max(found))]
            bank[x] = (1 - weight) * bank[x] + weight * row
            used[x] += 1
    return bank, used


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 5), st.sampled_from([-0.2, 0.3, 0.8]))
def test_each_bank_follows_its_own_similarity(seed, batch, capacity, t2):
    lots = torch.Generator().manual_seed(seed)
    video = torch.randn(batch, 4, generator=lots).double()
    audio = torch.randn(batch, 6, generator=lots).double()
    scores = torch.rand(batch, generator=lots).double()
    memory = IndependentMemory(capacity, (4, 6), 0.3, t2, 0.25).double()
    memory.update(video, audio, scores)
    for rows, bank, counted in (
        (video, memory.video, memory.of_video.used),
        (audio, memory.audio, memory.of_audio.used),
    ):
        slots, used = plain_bank(rows, scores.tolist(), capacity, 0.3, t2, 0.25)
        assert counted.tolist() == used
        for x, slot in enumerate(slots):
            assert torch.allclose(bank[x], slot if slot is not None else torch.zeros(rows.shape[1]).double())
    assert memory.filled.tolist() == [
        a > 0 and b > 0 for a, b in zip(memory.of_video.used.tolist(), memory.of_audio.used.tolist(), strict=True)
    ]
    left, right = memory.similarity(video, audio)
    assert left.shape == right.shape == (batch, capacity)


@pytest.mark.parametrize("keys", ["raw", "common"])
def test_a_network_scores_with_independent_banks(keys):
    torch.manual_seed(0)
    network = FeatureMemoryNetwork(FmnConfig(video_dim=5, audio_dim=7, common=4, slots="independent", keys=keys)).eval()
    video, audio = torch.randn(6, 5), torch.randn(6, 7)
    before = network.score(video, audio)
    network.memory.update(video, audio, torch.ones(6))
    after = network.score(video, audio)
    assert after.shape == (6, 6) and bool(torch.isfinite(after).all()) and not torch.allclose(before, after)
