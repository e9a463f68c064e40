"""Which clips a bounded fitting takes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fmn.extract.fitting.decoding import SHARE, affordable, balanced
from fmn.item import Item


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(0, 5))
def test_every_beginning_is_balanced_and_nothing_is_lost(sizes, seed):
    items = [Item(f"{label}-{k}", "video", "/x", label=str(label)) for label, n in enumerate(sizes) for k in range(n)]
    order = balanced(items, seed)
    assert sorted(item.id for item in order) == sorted(item.id for item in items)
    assert order == balanced(items[::-1], seed)
    for end in range(len(order)):
        taken = Counter(item.label for item in order[:end])
        for label, n in enumerate(sizes):
            most = max(taken.values(), default=0)
            assert taken[str(label)] >= min(n, most - 1)


def test_the_clips_fit_into_their_share_of_the_time():
    assert affordable(1000, 0.5, 5.0) == int(SHARE * 300 / 0.5)
    assert affordable(10, 0.5, 5.0) == 10 and affordable(10, 1e9, 5.0) == 1
