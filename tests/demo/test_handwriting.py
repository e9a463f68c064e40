"""Handwriting: an order of strokes, ink that only grows, and clips that repeat."""

import numpy as np
import pytest
from scipy.ndimage import label

from fmn.demo.handwriting import SIDE, load_handwriting, make_writing
from fmn.demo.paper import PAGES, make_page
from fmn.demo.scene import HEIGHT, WIDTH
from fmn.demo.strokes import walk
from fmn.demo.writing_video import draw_writing
from fmn.errors import InputError

EVERY = range(3, 1797, 120)


def picture(*rows):
    return np.array([[cell == "#" for cell in row] for row in rows])


def test_a_stroke_goes_straight_on_at_a_crossing():
    cross = picture("...#...", "...#...", "...#...", "#######", "...#...", "...#...", "...#...")
    down, *across = walk(cross, spur=2)
    assert down.tolist() == [[3, y] for y in range(7)]
    assert sorted(map(tuple, np.concatenate(across).tolist())) == [(x, 3) for x in (0, 1, 2, 4, 5, 6)]


def test_a_loop_begins_on_top_and_goes_left():
    loop = picture("..##..", ".#..#.", "#....#", "#....#", ".#..#.", "..##..")
    (stroke,) = walk(loop, spur=2)
    assert stroke[0].tolist() == [2, 0] and stroke[1].tolist() == [1, 1]
    assert len({tuple(at) for at in stroke.tolist()}) == loop.sum()


def test_short_branches_are_left_out_but_never_everything():
    branch = picture("..#..", "..#.#", "..##.", "..#..", "..#..", "..#..")
    assert [stroke.tolist() for stroke in walk(branch, spur=4)] == [[[2, y] for y in range(6)]]
    assert [stroke.tolist() for stroke in walk(picture("...", ".#.", "..."), spur=9)] == [[[1, 1]]]


@pytest.mark.parametrize("number", EVERY)
def test_ink_grows_from_nothing_to_the_whole_digit_along_the_pen(number):
    writing = make_writing(load_handwriting()[0][number])
    assert not writing.written(0.0).any()
    assert np.allclose(writing.written(1.0), writing.ink, atol=1e-3)
    before = np.zeros_like(writing.ink)
    for share in np.linspace(0, 1, 40):
        now = writing.written(share)
        assert (now >= before).all()
        before = now
    assert 0.15 < writing.written(0.5).sum() / writing.ink.sum() < 0.85
    # All along the way the pen is in ink, and it moves forward in time.
    x, y = writing.path.astype(int).T
    assert (writing.ink[y, x] > 0.4).all()
    assert (np.diff(writing.moments) > 0).all() and writing.moments[[0, -1]].tolist() == [0, 1]
    # Ink is there when the pen has passed its nearest point; where two are as near, either may be meant.
    rows, columns = np.nonzero(writing.ink > 0.5)
    for at in range(0, len(rows), 97):
        distance = np.hypot(columns[at] - writing.path[:, 0], rows[at] - writing.path[:, 1])
        nearest = writing.moments[distance <= distance.min() + 1e-9]
        assert np.abs(nearest - writing.when[rows[at], columns[at]]).min() < 1e-6


def test_the_shape_is_the_image_made_smooth():
    images, _ = load_handwriting()
    for number in EVERY:
        ink = make_writing(images[number]).ink
        assert ink.shape == (SIDE, SIDE) and ink.min() >= 0 and ink.max() == 1
        cells = ink.reshape(10, SIDE // 10, 10, SIDE // 10).mean(axis=(1, 3))[1:-1, 1:-1]
        assert np.corrcoef(cells.ravel(), images[number].ravel())[0, 1] > 0.85, number
        pieces, count = label(ink > 0.5)
        assert max(np.bincount(pieces.ravel())[1:]) > 0.5 * (ink > 0.5).sum() and count < 5


def test_an_image_without_ink_or_of_another_size_is_named():
    for image in (np.zeros((8, 8)), np.ones((28, 28))):
        with pytest.raises(InputError, match="8 x 8"):
            make_writing(image)


def clip(part="train", item=0, number=3):
    image = load_handwriting()[0][number]
    return np.stack(list(draw_writing(image, part, 0, np.random.default_rng([5, item]))))


def test_a_clip_is_seeded_and_its_camera_never_rests():
    frames = clip()
    assert frames.shape == (64, HEIGHT, WIDTH, 3) and frames.dtype == np.uint8
    assert np.array_equal(frames, clip())
    assert not np.array_equal(frames, clip(item=1))
    moved = np.abs(frames[48:-1].astype(int) - frames[49:]).mean(axis=(1, 2, 3))  # when nothing is written any more
    assert (moved > 0.3).all()


def test_pages_of_the_parts_differ_and_follow_from_the_seed():
    pages = [make_page(part, index, 0) for part, count in PAGES.items() for index in range(count)]
    assert len({page.name for page in pages}) == len(pages) == sum(PAGES.values())
    assert {part: sum(page.board for page in pages if part in page.name) for part in PAGES} == {"train": 6, "test": 3}
    assert np.array_equal(make_page("test", 2, 0).paper, make_page("test", 2, 0).paper)
    assert not np.array_equal(make_page("test", 2, 0).paper, make_page("test", 2, 1).paper)


@pytest.mark.parametrize("part", ["train", "test"])
def test_ink_can_be_read_on_its_page(part):
    for index in range(PAGES[part]):
        page = make_page(part, index, 0)
        ground = page.paper.mean(axis=(0, 1))
        for k in range(10):
            ink = np.array(page.ink(part, np.random.default_rng(k)))
            grey = np.array([0.299, 0.587, 0.114])
            assert abs(ink @ grey - ground @ grey) > 50 and (ink @ grey > ground @ grey) == page.board
