import hashlib
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmn.cache.parts import validation_part
from fmn.errors import InputError


def columns(rows):
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_groups_and_pairs_it_is_the_first_fifth_of_each_label_by_hash(seed):
    rows = [(f"{label}{n}", label, "", "") for label in "abc" for n in range(15)]
    wanted = set()
    for label in "abc":
        names = [row[0] for row in rows if row[1] == label]
        names.sort(key=lambda name: hashlib.sha256(json.dumps([seed, f"id:{name}"]).encode()).digest())
        wanted.update(names[:3])
    assert validation_part(*columns(rows), seed=seed) == wanted


def test_another_seed_gives_another_part():
    rows = [(f"{n}", "a", "", "") for n in range(50)]
    parts = [frozenset(validation_part(*columns(rows), seed=seed)) for seed in range(5)]
    assert len(set(parts)) == 5 and {len(part) for part in parts} == {10}


def test_one_of_four_speakers_is_held_out_whole():
    rows = [(f"{who}-{label}-{n}", label, who, "") for who in "wxyz" for label in "abc" for n in range(5)]
    part = validation_part(*columns(rows))
    assert len({name[0] for name in part}) == 1 and len(part) == 15


def test_one_group_alone_does_not_count():
    rows = [(f"{n}", "a", "eva", "") for n in range(10)]
    assert len(validation_part(*columns(rows))) == 2


def test_of_two_unequal_groups_the_smaller_one_is_held_out():
    rows = [(f"{n}", "a", "small" if n < 2 else "large", "") for n in range(20)]
    assert validation_part(*columns(rows)) == {"0", "1"}


def test_groups_that_pairs_tie_together_give_way_to_pairs():
    clips = [(f"v{n}", "", f"kitchen{n % 2}", f"p{n}") for n in range(10)]
    spoken = [(f"a{n}", "", f"speaker{n // 2 % 2}", f"p{n}") for n in range(10)]
    part = validation_part(*columns(clips + spoken))
    held = [{name[1:] for name in part if name[0] == side} for side in "va"]
    assert len(part) == 4 and held[0] == held[1]


def test_what_cannot_be_divided():
    assert validation_part([], [], [], []) == set()
    assert validation_part(["a"], ["x"], [""], [""]) == set()
    assert validation_part(["a", "b"], ["x", "x"], ["", ""], ["p", "p"]) == set()
    assert len(validation_part(["a", "b"], ["x", "y"], ["", ""], ["", ""])) == 1


def test_bad_arguments():
    with pytest.raises(ValueError, match="2 ids, 1 labels"):
        validation_part(["a", "b"], ["x"], ["", ""], ["", ""])
    for fraction in (0, 1, -0.1, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            validation_part(["a"], ["x"], [""], [""], fraction)


rows_of_a_set = st.lists(
    st.tuples(
        st.text("abcdef", min_size=1, max_size=4),
        st.sampled_from(["pour", "cut", ""]),
        st.sampled_from(["", "eva", "tom", "mia", "jan"]),
        st.sampled_from(["", "", "", "p1", "p2", "p3", "p4"]),
    ),
    max_size=40,
    unique_by=lambda row: row[0],
)


def tied(rows):
    """Which items must stay together, by a plain closure over shared groups and pairs."""
    several = len({group for _, _, group, _ in rows if group}) > 1
    of = {name: {name} for name, *_ in rows}
    for name, _, group, pair in rows:
        for other, _, its_group, its_pair in rows:
            if (pair and pair == its_pair) or (several and group and group == its_group):
                joined = of[name] | of[other]
                for each in joined:
                    of[each] = joined
    return of


@given(data=st.data(), rows=rows_of_a_set, fraction=st.sampled_from([0.1, 0.2, 0.5]), seed=st.integers(0, 3))
def test_properties(data, rows, fraction, seed):
    part = validation_part(*columns(rows), fraction, seed)
    assert part == validation_part(*columns(data.draw(st.permutations(rows))), fraction, seed)
    for _, _, _, pair in rows:
        side = {row[0] in part for row in rows if pair and row[3] == pair}
        assert len(side) < 2
    ties = tied(rows)
    if len({frozenset(each) for each in ties.values()}) > 1:
        assert 0 < len(part) < len(rows)
        for name in part:
            assert ties[name] <= part
    totals, held = Counter(row[1] for row in rows), Counter(row[1] for row in rows if row[0] in part)
    sets = {frozenset(each) for each in ties.values()}
    if len(sets) == 1:  # groups tie everything together, so only pairs do
        sets = {
            frozenset(row[0] for row in rows if row[0] == name or (row[3] and row[3] == own))
            for name, _, _, own in rows
        }
    if frozenset(part) not in sets:  # a single set may be all there is to take
        assert all(2 * held[label] <= totals[label] for label in held)
