import weakref

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fmn.errors import InputError
from fmn.extract.media.flow import flow_fields, flow_levels, frames_with_flow, quantise
from fmn.extract.media.flow_methods import METHODS


def textured(height=64, width=80, seed=0):
    draw = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(draw.uniform(0, 255, (height + 40, width + 40)).astype(np.float32), (0, 0), 3)
    return cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX)


def moving(steps, height=64, width=80):
    """Frames that show a texture moved by the sum of `steps` (dx, dy in whole pixels)."""
    texture = textured(height, width)
    x, y = 20, 20
    for dx, dy in [(0, 0), *steps]:
        x, y = x - dx, y - dy
        grey = texture[y : y + height, x : x + width].astype(np.uint8)
        yield np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_fields_are_pixels_along_x_and_y_from_a_frame_to_the_next(method):
    steps = [(2, 0), (0, 3), (-1, 1), (0, 0)]
    fields = list(flow_fields(moving(steps), method))
    assert len(fields) == 5
    for field, (dx, dy) in zip(fields, steps, strict=False):
        assert field.shape == (64, 80, 2)
        assert field.dtype == np.float32
        middle = np.median(field[12:-12, 12:-12].reshape(-1, 2), axis=0)
        assert np.abs(middle - (dx, dy)).max() < 0.25
    assert np.array_equal(fields[4], fields[3])  # the last frame has no next one


@pytest.mark.parametrize("method", ["tvl1", "dis"])
def test_fields_are_those_of_each_pair_by_itself_and_the_same_every_time(method):
    frames = list(moving([(1, 0), (0, 1), (2, 2), (-1, 0)]))
    fields = list(flow_fields(iter(frames), method))
    again = list(flow_fields(iter(frames), method))
    for index, field in enumerate(fields):
        assert np.array_equal(field, again[index])
        if index < 4:
            first, repeated = flow_fields(frames[index : index + 2], method)
            assert np.array_equal(field, first)
            assert np.array_equal(first, repeated)


def test_one_frame_does_not_move_and_none_gives_none():
    (field,) = flow_fields([next(moving([]))])
    assert field.shape == (64, 80, 2)
    assert not field.any()
    assert list(flow_fields([])) == []


def test_fields_are_streamed():
    class Frame(np.ndarray):
        pass

    alive = []
    most = []

    def source():
        for plain in moving([(1, 0)] * 11, 32, 32):
            frame = np.ascontiguousarray(plain).view(Frame)
            alive.append(weakref.ref(frame))
            most.append(sum(each() is not None for each in alive))
            yield frame
            del frame

    assert len(list(flow_fields(source(), "dis"))) == 12
    assert max(most) <= 3


def test_a_frame_comes_with_the_field_that_leads_from_it():
    frames = list(moving([(1, 0), (0, 2)]))
    both = list(frames_with_flow(iter(frames), "dis"))
    assert all(shown is frame for (shown, _), frame in zip(both, frames, strict=True))
    assert all(np.array_equal(one, two) for (_, one), two in zip(both, flow_fields(frames, "dis"), strict=True))


def test_a_line_in_the_table_is_a_new_method(monkeypatch):
    monkeypatch.setitem(METHODS, "right", lambda: lambda one, two: np.dstack([np.ones_like(one), one * 0]))
    first, second = flow_fields(moving([(1, 0)]), "right")
    assert first[..., 0].all() and not first[..., 1].any() and np.array_equal(first, second)
    with pytest.raises(InputError, match=r"one of tvl1, dis, right; got 'raft'"):
        next(flow_fields([], "raft"))


def test_every_method_can_be_chosen_wherever_one_is():
    from fmn.commands import extract, finetune, weights
    from fmn.extract.encoders.settings import FLOWS

    def choices(command):
        return next(tuple(option.type.choices) for option in command.params if option.name == "flow")

    assert choices(weights.check_command) == tuple(METHODS)
    assert choices(finetune.video) == (*METHODS, "none")
    assert choices(extract.main) == FLOWS == ("auto", *METHODS, "none")


def test_an_unknown_method():
    with pytest.raises(InputError, match=r"one of tvl1, dis; got 'raft'"):
        next(flow_fields([], "raft"))


@settings(max_examples=100, deadline=None)
@given(
    arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=6), elements=st.floats(-1000, 1000, width=32))
)
def test_quantise_against_a_plain_loop(flow):
    values = quantise(flow)
    assert values.shape == flow.shape
    assert values.dtype == np.float32
    for value, pixels in zip(values.ravel(), flow.ravel(), strict=True):
        level = (min(20.0, max(-20.0, float(pixels))) + 20) / 40 * 255
        assert value == pytest.approx(
            min(np.floor(level), np.ceil(level), key=lambda near: abs(near - level)) / 127.5 - 1, abs=1e-6
        ) or (
            abs(level % 1 - 0.5) < 1e-4  # between two levels either is right
        )


def test_quantise_has_256_levels_with_the_ends_at_one():
    levels = np.unique(quantise(np.linspace(-30, 30, 100001)))
    assert len(levels) == 256
    assert (levels[0], levels[-1]) == (-1, 1)
    assert np.allclose(np.diff(levels), 2 / 255, atol=1e-6)
    assert quantise(np.zeros(1))[0] == pytest.approx(1 / 255)
    every = np.linspace(-20, 20, 256, dtype=np.float32)
    assert flow_levels(every).tolist() == list(range(256)) and flow_levels(every).dtype == np.uint8
    assert np.array_equal(flow_levels(every), np.rint((quantise(every) + 1) * 127.5))
