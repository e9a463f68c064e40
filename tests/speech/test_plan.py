"""Plans: who speaks where, and what changes nothing."""

from collections import Counter
from dataclasses import replace

import pytest

from fmn.errors import InputError
from fmn.speech.clips import Clip, ClipSet
from fmn.speech.plan import PlanSettings, make_plan


def clips(*rows):
    """Rows as (id, columns)."""
    columns = ["modality", "path", *dict.fromkeys(name for _, values in rows for name in values)]
    return ClipSet([Clip(name, {"modality": "video", "path": f"/{name}", **v}) for name, v in rows], columns, [])


TWO = clips(("1", {"label": "pour milk"}), ("2", {"label": "cut onion"}), ("3", {"label": "pour milk"}))


def test_each_label_has_its_utterances_split_as_told():
    for count, train, wanted in ((50, 0.7, 35), (10, 0.55, 6), (3, 0.5, 2), (7, 0.3, 2)):
        plan = make_plan(TWO, PlanSettings(per_label=count, train=train))
        counts = Counter((each.label, each.split) for each in plan.utterances)
        assert counts == {
            (label, split): n
            for label in ("pour milk", "cut onion")
            for split, n in (("train", wanted), ("test", count - wanted))
        }
    assert plan.utterances[0].place == "cut onion/000.wav" and plan.clips == [
        replace(clip, values={**clip.values, "pair": ""}) for clip in TWO.clips
    ]


def variants(plan, split):
    return {each.voice.split("+")[1] for each in plan.utterances if each.split == split}


@pytest.mark.parametrize("seed", [0, 5])
def test_no_voice_and_no_sentence_is_on_two_sides(seed):
    plan = make_plan(TWO, PlanSettings(per_label=300, seed=seed))
    assert len(variants(plan, "train")) >= 38 and len(variants(plan, "test")) >= 13
    assert not variants(plan, "train") & variants(plan, "test")
    texts = {split: {each.text for each in plan.utterances if each.split == split} for split in ("train", "test")}
    assert all(texts.values()) and not texts["train"] & texts["test"]
    for each in plan.utterances:
        assert 125 <= each.rate <= 215 and 27 <= each.pitch <= 73
    assert len({(each.voice, each.rate, each.pitch) for each in plan.utterances}) > 500


@pytest.mark.parametrize("settings", [PlanSettings(per_label=12), PlanSettings(per_clip=3)])
def test_neither_size_nor_order_nor_other_labels_change_an_utterance(settings):
    rows = [(f"{label}/{n}.mp4", {"label": label}) for label in ("pour milk", "cut onion", "dog") for n in range(9)]
    plan = {each.place: each for each in make_plan(clips(*rows), settings).utterances}
    size = {"per_clip": 5} if settings.per_clip else {"per_label": 40}
    larger = make_plan(clips(*rows[::-1], ("x/1.mp4", {"label": "x"})), replace(settings, **size)).utterances
    found = {each.place: each for each in larger}
    assert len(found) > len(plan) and {place: found[place] for place in plan} == plan
    assert make_plan(clips(*rows), replace(settings, seed=1)).digest() != make_plan(clips(*rows), settings).digest()


def test_an_utterance_by_clip_has_the_clips_pair_split_and_text():
    given = clips(
        ("a.mp4", {"text": "he cuts", "split": "train", "pair": "p"}),
        ("b.mp4", {"text": "she pours", "split": "test"}),
        ("c.mp4", {"text": "they stir", "split": "val"}),
    )
    plan = make_plan(given, PlanSettings(per_clip=2))
    found = {each.place: each for each in plan.utterances}
    assert list(found) == ["a.wav", "a-2.wav", "b.wav", "b-2.wav", "c.wav", "c-2.wav"]
    assert [(each.split, each.pair, each.label) for each in plan.utterances[::2]] == [
        ("train", "p", ""),
        ("test", "b.mp4", ""),
        ("val", "c.mp4", ""),
    ]
    assert all("she pours" in found[place].text for place in ("b.wav", "b-2.wav"))
    assert [clip.get("pair") for clip in plan.clips] == ["p", "b.mp4", "c.mp4"]
    assert plan.columns[-1] == "pair" and not plan.notices
    assert not variants(plan, "train") & variants(plan, "val") and not variants(plan, "val") & variants(plan, "test")


def test_clips_without_a_split_get_one_and_their_utterances_too():
    plan = make_plan(clips(*((str(n), {"label": "cut onion"}) for n in range(40))), PlanSettings(per_clip=1))
    of_clip = {clip.get("pair"): clip.get("split") for clip in plan.clips}
    assert set(of_clip.values()) == {"train", "test"}
    assert all(each.split == of_clip[each.pair] for each in plan.utterances)
    assert "40 clips had no split" in plan.notices[0]
    assert not variants(plan, "train") & variants(plan, "test")


def test_texts_of_one_side_are_not_spoken_on_the_other():
    given = clips(
        ("1", {"label": "a", "text": "one", "split": "train"}),
        ("2", {"label": "a", "text": "two", "split": "test"}),
        ("3", {"label": "b", "text": "three", "split": "train"}),
    )
    for each in make_plan(given, PlanSettings(per_label=40)).utterances:
        if each.label == "a":
            assert ("one" if each.split == "train" else "two") in each.text
        else:
            assert ("three" in each.text) == (each.split == "train")


def test_labels_get_folders_of_their_own():
    labels = ["cut/onion", "cut:onion", "cut onion", "Cut onion", "../x", "öl", "-" * 300 + "x"]
    plan = make_plan(clips(*((str(n), {"label": label}) for n, label in enumerate(labels))), PlanSettings(per_label=2))
    folders = {each.label: each.place.split("/")[0] for each in plan.utterances}
    assert len({folder.casefold() for folder in folders.values()}) == len(labels)
    assert all(each.place.count("/") == 1 for each in plan.utterances)
    assert folders["öl"] == "öl"


def test_clips_of_one_stem_do_not_overwrite_each_other():
    names = ["a/1.mp4", "b/1.mp4", "1.mp4", "1.avi", "1-2", "x.mp4#0-1", "x.mp4#1-2"]
    plan = make_plan(clips(*((name, {"text": "go", "split": "train"}) for name in names)), PlanSettings(per_clip=2))
    assert len({each.place.casefold() for each in plan.utterances}) == 2 * len(names)


def test_what_cannot_be_said_is_named():
    given = clips(("1", {"label": "---"}), ("2", {"label": ""}), ("3", {"label": "cut"}))
    plan = make_plan(given, PlanSettings(per_label=2))
    assert [name for name, _ in plan.unspoken] == ["2", "label '---'"]
    assert {each.label for each in plan.utterances} == {"cut"} and [clip.id for clip in plan.clips] == ["1", "3"]
    plan = make_plan(given, PlanSettings(per_clip=1, train=0.5, seed=1))
    assert [name for name, _ in plan.unspoken] == ["1", "2"] and len(plan.clips) == 3


def test_pairs_are_cleared_where_utterances_are_of_labels():
    plan = make_plan(clips(("1", {"label": "a", "pair": "p"})), PlanSettings(per_label=2))
    assert plan.clips[0].get("pair") == "" and "pairs of 1 clips" in plan.notices[0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"per_label": 1}, "2 to 10000"),
        ({"per_label": 20000}, "2 to 10000"),
        ({"per_clip": -1}, "1 to 100"),
        ({"per_clip": 101}, "1 to 100"),
        ({"train": 0.0}, "between 0 and 1"),
        ({"train": float("nan")}, "between 0 and 1"),
        ({"per_label": 2, "train": 0.9}, "leaves one side empty"),
        ({"seed": -1}, "seed"),
        ({"format": "mp3"}, "wav or flac"),
    ],
)
def test_settings_out_of_range_are_named(values, words):
    with pytest.raises(InputError, match=words):
        make_plan(TWO, PlanSettings(**values))


def test_a_set_without_labels_or_words():
    with pytest.raises(InputError, match="None of the 1 clips has a label"):
        make_plan(clips(("1", {"text": "go"})), PlanSettings())
    with pytest.raises(InputError, match="None of the 2 clips has a text, an action or a label"):
        make_plan(clips(("1", {"split": "train"}), ("2", {"split": "test"})), PlanSettings(per_clip=1))
