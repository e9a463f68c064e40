"""The drawings: seeded, of the stated size, with the part's own colours, and moving."""

import colorsys

import numpy as np
import pytest

from fmn.demo.categories import CATEGORIES
from fmn.demo.motions import DRAW
from fmn.demo.palette import RANGES, colour
from fmn.demo.pen import Pen, blend, shade
from fmn.demo.scene import HEIGHT, SCENES, WIDTH, make_scene
from fmn.demo.video import draw


def frames(category, part="train", item=0):
    return np.stack(list(draw(category, part, 0, np.random.default_rng([5, item]))))


@pytest.mark.parametrize("category", CATEGORIES[::4], ids=lambda category: category.label)
def test_a_clip_is_seeded_and_moves_a_lot(category):
    clip = frames(category)
    assert clip.shape == (64, HEIGHT, WIDTH, 3) and clip.dtype == np.uint8
    assert np.array_equal(clip, frames(category))
    assert not np.array_equal(clip, frames(category, item=1))
    moved = np.abs(clip[:-1].astype(int) - clip[1:]).max(axis=3) > 25
    assert moved.any(axis=0).mean() > 0.05  # the share of the picture that something moves through


def test_every_action_is_drawn():
    assert {category.action for category in CATEGORIES} == DRAW.keys()


@pytest.mark.parametrize("name", RANGES)
def test_the_parts_share_no_colour(name):
    shades = {}
    for part in ("train", "test"):
        rng = np.random.default_rng(1)
        shades[part] = {colour(name, part, rng) for _ in range(300)}
    assert len(shades["test"]) > 2  # white salt has few shades
    if name not in ("salt", "milk"):  # rounding to 8 bits lets the whites touch
        assert len(shades["train"] & shades["test"]) <= 0.02 * len(shades["test"])


def test_a_cucumber_is_green_in_both_parts():
    for part in ("train", "test"):
        for draw_number in range(20):
            red, green, blue = colour("cucumber", part, np.random.default_rng(draw_number))
            assert 82 / 360 <= colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)[0] <= 128 / 360


def test_scenes_differ_between_the_parts_and_not_between_items():
    names = set()
    for part, count in SCENES.items():
        for index in range(count):
            names.add(make_scene(part, index, 0, np.random.default_rng(0)).name)
    assert len(names) == sum(SCENES.values())
    first, second = (make_scene("train", 0, 0, np.random.default_rng(k)) for k in (1, 2))
    assert np.array_equal(first.light, second.light)  # the same kitchen ...
    assert not np.array_equal(first.matrix, second.matrix)  # ... seen from a little beside


def test_a_pen_places_turns_and_mirrors():
    pen = Pen(np.zeros((40, 40, 3), np.uint8), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    assert np.allclose(pen.at(10, 20, 90, 2.0).where([(3, 0), (0, 3)]), [(10, 26), (4, 20)])
    assert np.allclose(pen.at(10, 20, flip=True).where([(3, 4)]), [(7, 24)])
    pen.at(20, 20).ellipse(0, 0, 10, 5, (255, 0, 0))
    assert pen.image[20, 28].tolist() == [255, 0, 0] and pen.image[28, 20].tolist() == [0, 0, 0]
    inside = int((pen.image[..., 0] > 127).sum())
    assert np.pi * 9 * 4 < inside < np.pi * 11 * 6  # half axes 10 and 5, give or take a pixel


def test_shades_stay_colours():
    assert shade((100, 200, 50), 0.5) == (50, 100, 25)
    assert shade((100, 200, 50), 2.0) == (255, 255, 255)
    assert blend((0, 0, 0), (200, 100, 50), 0.5) == (100, 50, 25)
