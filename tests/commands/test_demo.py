"""fmn-demo: what it says before it begins."""

from fmn.commands.demo import FULL, SMALL, minutes


def test_the_minutes_are_those_of_the_size():
    assert 0 < minutes(SMALL) < minutes(FULL)
