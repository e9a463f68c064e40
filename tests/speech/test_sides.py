"""Sides of clips without a split: by name alone, and never across a pair or group."""

import pytest

from fmn.errors import InputError
from fmn.speech.clips import Clip
from fmn.speech.sides import sides


def clip(name, **values):
    return Clip(name, {"modality": "video", "path": name, **values})


def test_about_the_share_is_for_training_whatever_the_order_and_the_number():
    clips = [clip(str(n)) for n in range(1000)]
    found = dict(zip((each.id for each in clips), sides(clips, 0.7, 0), strict=True))
    assert 650 < list(found.values()).count("train") < 750
    some = clips[100:200][::-1]
    assert sides(some, 0.7, 0) == [found[each.id] for each in some]
    assert sides(clips, 0.7, 1) != list(found.values())


def test_pairs_and_groups_stay_together_and_given_splits_are_kept():
    clips = [clip(str(n), pair=f"p{n // 2}", group=f"g{n // 6}") for n in range(300)]
    found = sides(clips, 0.5, 0)
    for n in range(0, 300, 6):
        assert len(set(found[n : n + 6])) == 1
    clips[7] = clip("7", pair="p3", group="", split="val")
    assert sides(clips, 0.5, 0)[6:12] == ["val"] * 6
    assert set(found) == {"train", "test"}


def test_a_group_that_grows_stays_where_it_is():
    groups = [clip(f"{n}-5", group=f"g{n}") for n in range(40)]
    more = [clip(f"{n}-0", group=f"g{n}") for n in range(40)]
    assert sides(more + groups, 0.5, 3)[40:] == sides(groups, 0.5, 3)


def test_what_cannot_be_is_a_sentence():
    with pytest.raises(InputError, match="'a' is in train and 'b' in test"):
        sides([clip("a", group="g", split="train"), clip("b", group="g", split="test")], 0.5, 0)
    with pytest.raises(InputError, match=r"All 3 clips would be in (train|test)"):
        sides([clip(name, group="one") for name in "abc"], 0.5, 0)
