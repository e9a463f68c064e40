"""English by rule."""

import pytest

from fmn.speech.words import VERBS, gerund, is_gerund, the, where

PAIRS = """cut cutting|take out taking out|stir stirring|squeeze squeezing|pour pouring|whip whipping|see seeing
tie tying|open opening|season seasoning|mix mixing|chop chopping|peel peeling|squat squatting|begin beginning
play playing|sew sewing|dye dyeing|mimic mimicking|wash washing|fry frying|put putting|grate grating
preheat preheating|sprinkle sprinkling|use using|add adding|agree agreeing|clean up cleaning up|quit quitting
be being|ski skiing|visit visiting|stir-fry stir-frying""".replace("\n", "|").split("|")


@pytest.mark.parametrize("pair", PAIRS)
def test_gerunds(pair):
    words = pair.split()
    half = len(words) // 2
    assert gerund(" ".join(words[:half])) == " ".join(words[half:])


def test_every_known_verb_has_a_gerund_that_is_recognised():
    for verb in VERBS:
        assert is_gerund(gerund(verb)), verb


@pytest.mark.parametrize("word", ["string", "king", "bring", "spring", "ceiling", "evening", "milk"])
def test_what_ends_alike_is_no_gerund(word):
    assert not is_gerund(word)


def test_articles_and_prepositions():
    assert [the(word) for word in ("milk", "an egg", "it", "2 eggs", "frying pan")] == [
        "the milk",
        "an egg",
        "it",
        "2 eggs",
        "the frying pan",
    ]
    assert where("pour", "jar") == "from the jar"
    assert where("pour", "frying pan") == "into the frying pan"
    assert where("cut", "knife") == "with the knife"
    assert where("put", "plate") == "onto the plate"
    assert where("wash", "plate") == "on the plate"
    assert where("take", "drawer") == "from the drawer"
    assert where("stir", "bowl") == "in the bowl"
