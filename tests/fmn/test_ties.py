import random

from fmn.ties import tied


def test_the_least_name_stands_for_all_that_are_tied():
    assert tied([["d", "c"], ["b"], ["a", "c"], ["f", "e"]]) == {
        **dict.fromkeys("acd", "a"),
        "b": "b",
        **dict.fromkeys("ef", "e"),
    }
    assert tied([]) == {}


def test_the_order_does_not_matter():
    rng = random.Random(0)
    ties = [[f"{n}", f"{rng.randrange(300)}"] for n in range(200)]
    first = tied(ties)
    for _ in range(5):
        rng.shuffle(ties)
        assert tied([rng.sample(tie, len(tie)) for tie in ties]) == first
    assert all(first[one] == first[other] for one, other in ties) and all(first[name] <= name for name in first)
