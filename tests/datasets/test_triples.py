"""The paper's categories: which triple an interval forms, and which are chosen."""

from collections import Counter

import pytest

from fmn.datasets.mpii_cooking2 import Interval
from fmn.datasets.triples import category_rows, choose_categories, triple, unformed

FIELDS = ("tool", "ingredients", "containers", "containersSource", "containersDestination")


def one(verb="pour", subject=7, number=1, **objects):
    return Interval(
        video=f"s{subject:02d}-d21-cam-002",
        number=number,
        first=1,
        last=30,
        rate=29.4,
        subject=subject,
        dish=21,
        verb=verb,
        objects={name: tuple(objects.get(name, ())) for name in FIELDS},
    )


@pytest.mark.parametrize(
    "interval, expected",
    [
        (one(ingredients=["milk"], containersDestination=["jar"]), ("pour", "milk", "jar")),
        (one("strew", ingredients=["salt"], containersDestination=["frying pan"]), ("sprinkle", "salt", "frying pan")),
        (one("cut apart", ingredients=["lemon"], tool=["chefs knife"]), ("cut", "lemon", "knife")),
        (one("cut off ends", ingredients=["onion"], containersSource=["plate"]), ("cut", "onion", "plate")),
        (one("cut", ingredients=["onion"], tool=["knife"]), ("cut", "onion", "knife")),
        (one("grind", ingredients=["spice"], containersDestination=["plate"]), ("grate", "spice", "plate")),
        (one("squeeze", ingredients=["orange"], containersDestination=["squeezer"]), ("squeeze", "orange", "squeezer")),
        # The ingredient comes before the container, the destination before the source and the tool.
        (
            one("take out", ingredients=["oil"], containers=["bowl"], containersSource=["jar"], tool=["fork"]),
            ("take out", "oil", "jar"),
        ),
        (
            one(ingredients=["oil"], containersSource=["jar"], containersDestination=["frying pan"]),
            ("pour", "oil", "frying pan"),
        ),
        # Nothing is subject and receptacle at once.
        (one("wash", containers=["plate"], tool=["knife"]), ("wash", "plate", "knife")),
        (one("wash", containers=["plate"]), None),
        (one("enter", ingredients=["milk"], containersDestination=["jar"]), None),
        (one("cutlery", ingredients=["milk"], containersDestination=["jar"]), None),
        (one(ingredients=["milk"], containersDestination=["bowl"]), None),
        (one(ingredients=["coconut"], containersDestination=["jar"]), None),
        (one(ingredients=["knifes edge"], containersDestination=["jar"]), None),
        (one(ingredients=["pineapple"], containersDestination=["jar"]), ("pour", "pineapple", "jar")),
    ],
)
def test_the_triple_of_an_interval(interval, expected):
    assert triple(interval) == expected


def many(count, people=(7, 8, 9), **kind):
    return [one(subject=people[index % len(people)], number=index + 1, **kind) for index in range(count)]


MILK = {"ingredients": ["milk"], "containersDestination": ["jar"]}
SALT = {"verb": "strew", "ingredients": ["salt"], "containersDestination": ["plate"]}
LIME = {"verb": "squeeze", "ingredients": ["lime"], "tool": ["squeezer"]}


def test_the_most_frequent_triples_are_chosen():
    intervals = many(60, **MILK) + many(70, **SALT) + many(49, **LIME) + many(300, verb="enter")
    chosen = choose_categories(intervals)
    assert [(each.label, each.intervals, len(each.clips)) for each in chosen] == [
        ("sprinkle salt plate", 70, 50),
        ("pour milk jar", 60, 50),
    ]
    assert [each.label for each in choose_categories(intervals, categories=1)] == ["sprinkle salt plate"]
    assert len(choose_categories(intervals, clips=49)) == 3
    assert unformed(intervals) == Counter({"of another action": 300})
    assert list(category_rows(chosen)[0].values()) == ["sprinkle salt plate", "sprinkle", "salt", "plate", 70, 50, 3]


def test_ties_are_broken_by_name():
    chosen = choose_categories(many(50, **SALT) + many(50, **MILK))
    assert [each.label for each in chosen] == ["pour milk jar", "sprinkle salt plate"]


def test_the_draw_takes_many_people_in_turn():
    intervals = many(200, people=(7,), **MILK) + [one(subject=person, **MILK) for person in range(8, 28)]
    (chosen,) = choose_categories(intervals)
    assert chosen.persons == 21
    assert Counter(clip.subject for clip in chosen.clips)[7] == 30
    assert len({(clip.video, clip.number) for clip in chosen.clips}) == 50


def test_the_draw_is_seeded_and_does_not_depend_on_the_order_or_on_other_triples():
    intervals = many(90, **MILK)
    (first,) = choose_categories(intervals, seed=3)
    assert choose_categories(intervals[::-1], seed=3) == [first]
    assert first in choose_categories(intervals + many(200, **SALT), seed=3)
    assert choose_categories(intervals, seed=4) != [first]
