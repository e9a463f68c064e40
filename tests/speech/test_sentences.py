"""Sentences say the right words, and parts share no template."""

import pytest

from fmn.speech.sentences import ACTIONS, TEXTS, THINGS, Subject, phrases, sentence


def said(about, part, count=60):
    return {sentence([about] if isinstance(about, Subject) else about, part, 0, n) for n in range(count)}


@pytest.mark.parametrize("templates", [ACTIONS, THINGS, TEXTS])
def test_no_template_is_in_two_parts(templates):
    assert list(templates) == ["train", "val", "test"]
    every = [template for part in templates.values() for template in part]
    assert len(set(every)) == len(every) and all(templates.values())


@pytest.mark.parametrize(
    ("label", "base", "doing"),
    [
        ("pour milk", "pour the milk", "pouring the milk"),
        ("take_out-spatula", "take out the spatula", "taking out the spatula"),
        ("CutOnion", "cut the onion", "cutting the onion"),
        ("open", "open", "opening"),
        ("sit on chair", "sit on the chair", "sitting on the chair"),
        ("playing guitar", "", "playing guitar"),
        ("golden retriever", "", ""),
        ("string beans", "", ""),
        ("7", "", ""),
        ("...", "", ""),
    ],
)
def test_phrases_from_a_label(label, base, doing):
    assert phrases(Subject(label)) == (base, doing)


@pytest.mark.parametrize(
    ("columns", "base", "doing"),
    [
        (("pour", "milk", "jar"), "pour the milk from the jar", "pouring the milk from the jar"),
        (("take out", "spatula", "jar"), "take the spatula out of the jar", "taking the spatula out of the jar"),
        (("take out", "apple", ""), "take out the apple", "taking out the apple"),
        (("Cut", "onion", "knife"), "cut the onion with the knife", "cutting the onion with the knife"),
        (("stir", "milk", "-"), "stir the milk", "stirring the milk"),
        (("blanch", "", "pot"), "blanch in the pot", "blanching in the pot"),
        (("cutting", "bread", ""), "", "cutting the bread"),
    ],
)
def test_phrases_from_columns(columns, base, doing):
    assert phrases(Subject("any label", "", *columns)) == (base, doing)


def test_all_templates_of_a_part_are_used_and_none_of_another():
    for part in ("train", "val", "test"):
        wanted = {each.format(base="pour the milk", gerund="pouring the milk") for each in ACTIONS[part]}
        assert said(Subject("pour milk"), part) == wanted
        assert said(Subject("7"), part) == {each.format(thing="7") for each in THINGS[part]}
        assert all("playing guitar" in each for each in said(Subject("playing guitar"), part))


def test_a_text_is_spoken_as_it_is_and_after_a_few_words():
    text = "A man {cuts} an onion, slowly."
    found = [sentence([Subject("cut onion", text)], "test", 0, n) for n in range(200)]
    assert 60 < found.count(text) < 140
    assert set(found) == {text, *(each.format(text=text) for each in TEXTS["test"])}


def test_texts_go_before_labels_and_each_is_drawn():
    about = [Subject("cut onion"), Subject("cut onion", "first"), Subject("cut onion", "second"), Subject("x", "...")]
    found = said(about, "train")
    assert all("first" in each or "second" in each for each in found)
    assert {"first", "second"} <= found


def test_neither_order_nor_other_subjects_change_a_draw():
    few = [Subject("a", "one"), Subject("a", "two"), Subject("a", "three")]
    more = [*reversed(few), Subject("a", "four")]
    before = [sentence(few, "train", n) for n in range(100)]
    after = [sentence(more, "train", n) for n in range(100)]
    assert all(one == other or "four" in other for one, other in zip(before, after, strict=True))
    assert 50 < sum(one == other for one, other in zip(before, after, strict=True)) < 95


def test_what_has_no_word_cannot_be_said():
    assert Subject("7").can_be_said and Subject("", "ä").can_be_said and Subject("", "", "cut").can_be_said
    assert not Subject("---").can_be_said and not Subject("①", "...", "n/a").can_be_said
