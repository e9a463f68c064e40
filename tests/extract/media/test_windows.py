import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.extract.media.windows import cut as cut_anything
from fmn.extract.media.windows import windows


def numbered(count):
    for index in range(count):
        yield np.full((2, 3), index, np.int32)


def cut(count, *args):
    return [([int(frame[0, 0]) for frame in window], repeated) for window, repeated in windows(numbered(count), *args)]


def plain(count, length, step):
    """The rule, read plainly with the whole clip at hand."""
    if count == 0:
        return []
    if count < length:
        return [([index % count for index in range(length)], length - count)]
    starts = [start for start in range(0, count, step) if start + length <= count]
    next_start, covered = starts[-1] + step, starts[-1] + length
    if next_start < count and covered < count:
        starts.append(count - length)
    return [(list(range(start, start + length)), 0) for start in starts]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 70), st.integers(1, 20), st.integers(1, 30))
def test_against_the_plain_rule(count, length, step):
    assert cut(count, length, step) == plain(count, length, step)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 64))
def test_every_frame_is_in_a_window_and_none_is_made_up(count, length):
    found = cut(count, length)
    assert {frame for window, _ in found for frame in window} == set(range(count))
    assert all(len(window) == length for window, _ in found)
    assert sum(repeated for _, repeated in found) == max(0, length - count)


def test_the_default_is_64_frames_side_by_side():
    assert [(window[0], window[-1], repeated) for window, repeated in cut(192)] == [
        (0, 63, 0),
        (64, 127, 0),
        (128, 191, 0),
    ]


def test_the_last_window_is_moved_back():
    assert [(window[0], window[-1], repeated) for window, repeated in cut(65)] == [(0, 63, 0), (1, 64, 0)]


def test_a_short_clip_is_looped():
    ((window, repeated),) = cut(5, 12)
    assert window == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert repeated == 7


def test_no_more_than_one_window_of_frames_is_held():
    class Frame(np.ndarray):
        pass

    alive = []
    most = 0

    def source():
        nonlocal most
        for _ in range(400):
            frame = np.zeros((2, 2)).view(Frame)
            alive.append(weakref.ref(frame))
            most = max(most, sum(each() is not None for each in alive))
            yield frame
            del frame

    gc.disable()
    try:
        count = sum(1 for _ in windows(source(), 16))
    finally:
        gc.enable()
    assert count == 25
    assert most <= 18


def test_anything_is_cut_like_frames():
    assert [("".join(window), added) for window, added in cut_anything("abcdefgh", 3)] == [
        ("abc", 0), ("def", 0), ("fgh", 0),
    ]  # fmt: skip
    assert [("".join(window), added) for window, added in cut_anything("ab", 5)] == [("ababa", 3)]


def test_length_and_step_are_positive():
    for length, step in ((0, 1), (4, 0), (-1, -1)):
        with pytest.raises(ValueError, match="at least 1"):
            next(windows(numbered(3), length, step))
