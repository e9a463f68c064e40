"""Right answers: by pair, else by label, never by a mixture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmn.errors import InputError
from fmn.retrieval.protocol import definition, relevance

NAMES = st.lists(st.sampled_from(["cut", "pour", "stir", "wash"]), max_size=8)


@given(query=NAMES, gallery=NAMES)
def test_by_label_equals_the_plain_loop(query, gallery):
    found = relevance([""] * len(query), query, [""] * len(gallery), gallery)
    assert found.shape == (len(query), len(gallery)) and found.dtype == bool
    assert found.tolist() == [[q == g for g in gallery] for q in query]


@given(query=NAMES, gallery=NAMES)
def test_pairs_come_before_labels(query, gallery):
    found = relevance(query, ["same"] * len(query), gallery, ["same"] * len(gallery))
    if query or gallery:
        assert found.tolist() == [[q == g for g in gallery] for q in query]


def test_pairs_need_no_labels():
    assert relevance(["a", "b"], ["", ""], ["b", "a"], ["", "x"]).tolist() == [[False, True], [True, False]]


def test_definition_names_what_counts():
    assert definition(["a", "b"], ["", ""]) == "pair"
    assert definition(["", ""], ["x", "y"]) == "label"


def test_mixed_sets_are_refused():
    with pytest.raises(InputError, match="all items of a set have a pair or none has, but 3 of 4 have one"):
        relevance(["a", "b"], ["x", "x"], ["a", ""], ["x", "x"])
    with pytest.raises(InputError, match="no pairs and 1 of 4 items have no label"):
        relevance(["", ""], ["x", ""], ["", ""], ["x", "x"])


def test_columns_of_one_set_have_one_length():
    with pytest.raises(ValueError, match="but 2 and 1 were given"):
        relevance(["a", "b"], ["x"], [], [])
