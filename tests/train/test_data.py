"""Matched pairs: every item of the longer side once an epoch, always with a partner that belongs to it."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.train.data import matching_batches


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=30),
    st.lists(st.integers(0, 4), min_size=1, max_size=30),
    st.integers(1, 9),
)
def test_every_pair_matches_and_the_longer_side_comes_once(video, audio, batch):
    codes = torch.tensor(video), torch.tensor(audio)
    batches = list(matching_batches(*codes, batch, torch.Generator().manual_seed(3)))
    seen = [(v, a) for rows, columns in batches for v, a in zip(rows.tolist(), columns.tolist(), strict=True)]
    assert all(video[v] == audio[a] for v, a in seen)
    assert all(1 <= len(rows) <= batch for rows, _ in batches)
    longer, other = (audio, video) if len(audio) > len(video) else (video, audio)
    walked = sorted(a if len(audio) > len(video) else v for v, a in seen)
    assert walked == [i for i, code in enumerate(longer) if code in set(other)]


def test_the_same_generator_gives_the_same_epoch_and_another_does_not():
    codes = torch.arange(10).repeat(6)

    def epoch(seed):
        return [
            (v.tolist(), a.tolist()) for v, a in matching_batches(codes, codes, 16, torch.Generator().manual_seed(seed))
        ]

    assert epoch(1) == epoch(1)
    assert epoch(1) != epoch(2)
