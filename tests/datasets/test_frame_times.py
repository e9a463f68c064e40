"""Frame numbers -> seconds, against the plain reading of when a frame is shown."""

import random
from fractions import Fraction

import pytest

from fmn.datasets.frame_times import frame_times


@pytest.mark.parametrize("rate", [29.4, 25, 23.976, 59.94, 500])
@pytest.mark.parametrize("ticks", [None, 1000, 90_000])
def test_these_frames_are_shown_and_no_others(rate, ticks):
    """Also where the container rounds the frames' times (1000: mkv, 90,000: transport streams)."""
    draw = random.Random(int(rate))
    exact = Fraction(str(rate))

    def time(frame):
        shown = (frame - 1) / exact
        return shown if ticks is None else Fraction(round(shown * ticks), ticks)

    for _ in range(300):
        first = draw.randrange(1, 60_000)
        last = first + draw.choice((0, 1, 17, 400))
        start, end = (Fraction(str(value)) for value in frame_times(first, last, rate))
        assert time(first) <= start < min(time(first + 1), end)
        assert time(last) < end <= time(last + 1)


def test_the_first_frame_starts_at_zero():
    assert frame_times(1, 294, 29.4) == (0.0, 10.0)


@pytest.mark.parametrize("first, last, rate", [(0, 3, 25), (3, 2, 25), (1, 2, 0), (1, 2, 501), (1, 2, -1)])
def test_what_is_no_interval_is_refused(first, last, rate):
    with pytest.raises(ValueError, match="first <= last"):
        frame_times(first, last, rate)
