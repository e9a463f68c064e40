"""Windows of scratch clips: what is cut, mirrored and looped, against plain loops."""

import numpy as np
import pytest

from fmn.extract.fitting.clips import as_batch, centre_windows, random_window


def candidates(frames, stream, length, crop):
    """Every window that a random one may be, by plain loops: bytes -> how it was made."""
    count, height, width = frames.shape[:3]
    found = {}
    for begin in range(max(1, count - length + 1)):
        for top in range(height - crop + 1):
            for left in range(width - crop + 1):
                for mirrored in (False, True):
                    window = np.empty((length, crop, crop, frames.shape[3]), np.uint8)
                    for t in range(length):
                        for x in range(crop):
                            at = crop - 1 - x if mirrored else x
                            window[t, :, x] = frames[(begin + t) % count, top : top + crop, left + at]
                    if mirrored and stream == "flow":
                        window[..., 0] = 255 - window[..., 0]
                    found[window.tobytes()] = (begin, top, left, mirrored)
    return found


@pytest.mark.parametrize("stream", ["rgb", "flow"])
@pytest.mark.parametrize("frames", [3, 7])
def test_a_random_window_is_one_of_those_that_there_are(clip, stream, frames):
    made = clip(frames=frames, height=6, width=7)
    known = candidates(made.open(stream), stream, 5, 4)
    draw = np.random.default_rng(0)
    seen = [known[random_window(made, stream, 5, 4, draw).tobytes()] for _ in range(300)]
    assert {begin for begin, *_ in seen} == set(range(max(1, frames - 4)))
    assert {top for _, top, *_ in seen} == {0, 1, 2} and {left for _, _, left, _ in seen} == {0, 1, 2, 3}
    assert 100 < sum(mirrored for *_, mirrored in seen) < 200
    plain = [known[random_window(made, stream, 5, 4, draw, mirror=False).tobytes()] for _ in range(50)]
    assert not any(mirrored for *_, mirrored in plain)


def test_the_same_seed_draws_the_same_window(clip):
    made = clip()
    first, second = (random_window(made, "rgb", 8, 32, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, second)


def test_all_windows_in_the_middle_the_last_one_moved_back(clip):
    made = clip(frames=10)
    frames = made.open("rgb")[:, 2:34, 4:36]
    cut = list(centre_windows(made, "rgb", 8, 32))
    assert len(cut) == 2 and np.array_equal(cut[0], frames[:8]) and np.array_equal(cut[1], frames[2:])


def test_a_batch_is_scaled_and_channels_come_first():
    window = np.zeros((2, 3, 3, 2), np.uint8)
    window[1, 0, 2, 1] = 255
    batch = as_batch([window, window])
    assert batch.shape == (2, 2, 2, 3, 3) and float(batch[1, 1, 1, 0, 2]) == 1.0 and float(batch.min()) == -1.0
