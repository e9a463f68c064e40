import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.errors import InputError
from fmn.extract.media.sizes import centre_crop, resize_short_side


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200), st.sampled_from([(), (2,), (3,)]))
def test_the_short_side_is_exact_and_the_proportions_stay(height, width, short_side, channels):
    frame = np.zeros((height, width, *channels), np.uint8)
    scaled = resize_short_side(frame, short_side)
    assert scaled.dtype == np.uint8
    assert scaled.shape[2:] == channels
    assert min(scaled.shape[:2]) == short_side
    assert abs(max(scaled.shape[:2]) - max(height, width) * short_side / min(height, width)) <= 0.5
    assert (scaled.shape[0] < scaled.shape[1]) <= (height < width)


def test_shrinking_averages_areas():
    draw = np.random.default_rng(0)
    frame = draw.integers(0, 256, (512, 640, 3), dtype=np.uint8)
    scaled = resize_short_side(frame, 256)
    assert scaled.shape == (256, 320, 3)
    for row, column in ((0, 0), (10, 200), (255, 319)):
        block = frame[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].astype(float)
        assert np.abs(scaled[row, column] - block.mean(axis=(0, 1))).max() <= 0.5


def test_growing_interpolates_linearly():
    ramp = np.tile(np.arange(0, 100, 10, dtype=np.uint8), (10, 1))
    scaled = resize_short_side(ramp, 40)
    assert scaled.shape == (40, 40)
    steps = np.diff(scaled[20].astype(int))
    assert steps.min() >= 0
    assert steps.max() <= 3


def test_a_frame_of_the_right_size_is_left_as_it_is():
    frame = np.random.default_rng(0).integers(0, 256, (256, 340, 3), dtype=np.uint8)
    assert np.array_equal(resize_short_side(frame), frame)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(0, 9), st.integers(0, 9))
def test_the_crop_is_the_middle(crop, more_rows, more_columns):
    frame = np.arange((crop + more_rows) * (crop + more_columns)).reshape(crop + more_rows, crop + more_columns)
    cut = centre_crop(frame, crop)
    assert cut.shape == (crop, crop)
    assert cut[0, 0] == frame[more_rows // 2, more_columns // 2]
    assert cut[-1, -1] == frame[more_rows // 2 + crop - 1, more_columns // 2 + crop - 1]


def test_the_defaults_are_the_published_sizes():
    assert centre_crop(resize_short_side(np.zeros((720, 1280, 3), np.uint8))).shape == (224, 224, 3)


def test_a_crop_larger_than_the_frame():
    with pytest.raises(InputError, match="crop of 224 pixels needs frames at least that large, not 300 x 200"):
        centre_crop(np.zeros((200, 300, 3)))
