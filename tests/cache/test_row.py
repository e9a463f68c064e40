import numpy as np
import pytest

from fmn.cache import Row
from fmn.item import Item

ITEM = Item("a", "video", "/a.mp4")


def test_features_are_an_own_float32_copy():
    buffer = np.arange(4, dtype=np.float64)
    made = Row(ITEM, buffer, 1.0, 1, 0)
    buffer[:] = 9
    assert made.features.dtype == np.float32 and made.features.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "features",
    [[1.0, np.nan], [1.0, np.inf], [1e300], [[1.0]], [], ["a"], [1j], None],
)
def test_what_are_no_features(features):
    with pytest.raises(ValueError, match="features of 'a' must be"):
        Row(ITEM, np.asarray(features), 1.0, 1, 0)


@pytest.mark.parametrize("numbers", [(-1.0, 1, 0), (np.nan, 1, 0), (np.inf, 1, 0), (1.0, -1, 0), (1.0, 1, -1)])
def test_numbers_out_of_range(numbers):
    with pytest.raises(ValueError, match="at least 0"):
        Row(ITEM, np.zeros(3), *numbers)


@pytest.mark.parametrize("notes", [("",), ("deinterlaced\nturned",), ("\x1b[31mred",)])
def test_notes_are_phrases_of_one_line(notes):
    with pytest.raises(ValueError, match="notes of 'a' must be phrases of one line"):
        Row(ITEM, np.zeros(3), 1.0, 1, 0, notes)
