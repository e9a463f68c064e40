"""A page that somebody writes on: paper or board, its lines, its colours and the light. Every page belongs to one part,
and its name is a video's `look`."""

from dataclasses import dataclass

import cv2
import numpy as np

from .light import make_light
from .palette import Range, colour_of
from .pen import Colour, Pen, shade
from .scene import HEIGHT, WIDTH

OVERSAMPLING = 2
"""Pixels of a page and of a canvas to a pixel of the frame: smooth edges, and no flicker of thin lines."""

PAGES = {"train": 24, "test": 12}

_WIDE, _HIGH = 1.5 * WIDTH, 1.5 * HEIGHT  # larger than the frame: the camera moves over it
_STYLES = {"train": ("plain", "ruled", "squares"), "test": ("dots", "columns", "double")}
_BOARDS = 4  # one page in so many is a dark board
_COLOURS: dict[str, tuple[Range, ...]] = {
    "paper": (((30, 60), (2, 16), (88, 98)), ((0, 360), (10, 28), (84, 96)), ((26, 40), (25, 45), (72, 86))),
    "board": (((110, 170), (20, 45), (18, 34)), ((200, 240), (5, 30), (14, 30))),
    "ink": (((205, 250), (65, 92), (28, 55)), ((0, 360), (0, 20), (6, 22)), ((345, 368), (70, 90), (42, 62))),
    "chalk": (((40, 60), (2, 12), (88, 98)), ((44, 58), (45, 70), (86, 97)), ((190, 345), (22, 42), (84, 96))),
    "barrel": (((0, 360), (30, 90), (25, 90)),),
}


@dataclass(frozen=True)
class Page:
    """name: the look. paper [1.5 H, 1.5 W, 3] uint8, oversampled: the page with its lines.

    light [H, W, 3] uint8, oversampled: 255 leaves a colour as it is. board: dark, and written on with chalk.
    """

    name: str
    paper: np.ndarray
    light: np.ndarray
    board: bool

    def seen(self, camera: np.ndarray) -> np.ndarray:
        """The page under a camera, oversampled [H, W, 3] uint8.

        camera [2, 3]: takes page units (one frame pixel at zoom 1, origin in the middle) to oversampled pixels.
        """
        to_units = np.array([[1 / OVERSAMPLING, 0, -_WIDE / 2], [0, 1 / OVERSAMPLING, -_HIGH / 2], [0, 0, 1]])
        size = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING)
        view: np.ndarray = cv2.warpAffine(self.paper, camera @ to_units, size, borderMode=cv2.BORDER_REFLECT_101)
        return view

    def ink(self, part: str, rng: np.random.Generator) -> Colour:
        """A colour of `part` that can be read on this page."""
        return colour_of(_COLOURS["chalk" if self.board else "ink"], part, rng)


def barrel(part: str, rng: np.random.Generator) -> Colour:
    """The colour of a pen from outside."""
    return colour_of(_COLOURS["barrel"], part, rng)


def page_name(part: str, index: int) -> str:
    """The look of the videos of a page, such as `page-train-07`."""
    return f"page-{part}-{index:02d}"


def make_page(part: str, index: int, seed: int) -> Page:
    """Page `index` of a part ("train" or "test"); it follows from (seed, part, index) alone."""
    rng = np.random.default_rng([seed, 103 if part == "train" else 104, index])
    board = index % _BOARDS == _BOARDS - 1
    ground = colour_of(_COLOURS["board" if board else "paper"], part, rng)
    size = round(_HIGH * OVERSAMPLING), round(_WIDE * OVERSAMPLING)
    grain = _grain(size, rng.uniform(2.0, 7.0 if board else 5.0), rng)
    paper = np.asarray(np.clip(np.array(ground) + grain[:, :, None], 0, 255), np.uint8)
    lines = shade(ground, rng.uniform(1.12, 1.3) if board else rng.uniform(0.78, 0.92))
    unit = np.array([[OVERSAMPLING, 0.0, 0.0], [0.0, OVERSAMPLING, 0.0]])
    _rule(Pen(paper, unit), str(rng.choice(_STYLES[part])), lines, rng)
    light = make_light(part, WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING, rng)
    return Page(page_name(part, index), paper, light, board)


def _grain(size: tuple[int, int], strength: float, rng: np.random.Generator) -> np.ndarray:
    """Fibres and stains: noise of three sizes, `strength` grey levels in all."""
    total = np.zeros(size)
    for cell in (1, 6, 40):
        small = rng.standard_normal((size[0] // cell + 2, size[1] // cell + 2))
        total += cv2.resize(small, size[::-1], interpolation=cv2.INTER_LINEAR)
    return total * strength / 3


def _rule(pen: Pen, style: str, colour: Colour, rng: np.random.Generator) -> None:
    step, first = rng.uniform(9, 20), rng.uniform(0, 9)
    rows, columns = np.arange(first, _HIGH, step), np.arange(first, _WIDE, step)
    if style == "dots":
        for y in rows:
            for x in columns:
                pen.ellipse(x, y, 0.9, 0.9, colour)
    if style in ("ruled", "squares"):
        for y in rows:
            pen.line([(0, y), (_WIDE, y)], 0.5, colour)
    if style in ("columns", "squares"):
        for x in columns:
            pen.line([(x, 0), (x, _HIGH)], 0.5, colour)
    if style == "double":
        for y in rows[::2]:
            for shift in (0.0, 0.35 * step):
                pen.line([(0, y + shift), (_WIDE, y + shift)], 0.5, colour)
