"""One video of a handwritten digit being written, under a camera that is never quite still."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi, radians, sin
from pathlib import Path

import cv2
import numpy as np

from .handwriting import SIDE, make_writing
from .movie import FRAMES, write_mp4
from .paper import OVERSAMPLING, PAGES, Page, barrel, make_page
from .pen import Colour, Pen, shade
from .scene import HEIGHT, WIDTH

_GLYPH = 0.8  # share of the shape's side that the 8 x 8 image fills
_STAGE = (8.0, 5.0)  # units that the digit is away from the middle, before the camera moves
_LEAVES = 200.0  # units in a clip's length: how fast the pen leaves when it is done
_SPARE = 32


@dataclass(frozen=True)
class _Camera:
    """Where the camera begins and where it goes; units of the frame, degrees, times in shares of the clip."""

    zoom: tuple[float, float]
    turn: tuple[float, float]
    shift: np.ndarray  # [2, 2]: at the beginning, and what is added by the end
    shake: np.ndarray  # [2, 3]: of x and y, as amplitude, cycles and phase

    def matrix(self, moment: float) -> np.ndarray:
        """[2, 3]: page units, origin in the middle of the page, -> oversampled pixels."""
        zoom = (self.zoom[0] + moment * self.zoom[1]) * OVERSAMPLING
        turn = radians(self.turn[0] + moment * self.turn[1])
        amplitude, cycles, phase = self.shake.T
        moved = self.shift[0] + moment * self.shift[1] + amplitude * np.sin(2 * pi * (cycles * moment + phase))
        linear = zoom * np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
        return np.column_stack([linear, (np.array([WIDTH / 2, HEIGHT / 2]) + moved) * OVERSAMPLING])


def page_index(part: str, rng: np.random.Generator) -> int:
    """The page that an item is written on: the first thing that is drawn from the item's generator."""
    return int(rng.integers(PAGES[part]))


def draw_writing(image: np.ndarray, part: str, seed: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """64 frames, each [H, W, 3] uint8 RGB; the digit is complete after some 70 % of them, and stays.

    image: [8, 8], as for `make_writing`. Colours, lines and light are those of `part` ("train" or "test").
    """
    page = make_page(part, page_index(part, rng), seed)
    ink = page.ink(part, rng)
    wet = np.full_like(page.light, ink)
    writing = make_writing(image, rng.uniform(0.4, 0.5))
    dry = 1.0 - rng.uniform(0.1, 0.5 if page.board else 0.2) * rng.random((SIDE, SIDE), np.float32)
    place, camera = _place(rng), _move(rng)
    begin, end = rng.uniform(0.0, 0.06), rng.uniform(0.6, 0.72)
    tool = barrel(part, rng) if rng.random() < 0.5 else None
    lean = rng.uniform(25.0, 65.0)
    # Drawing new noise for every frame would cost as much as all else: another cut of one field is as good.
    noise = rng.uniform(1.0, 4.0) * rng.standard_normal((HEIGHT + _SPARE, WIDTH + _SPARE, 3), np.float32)
    for k in range(FRAMES):
        moment = k / (FRAMES - 1)
        share = float(np.clip((moment - begin) / (end - begin), 0.0, 1.0))
        matrix = camera.matrix(moment)
        canvas = _written(page, wet, writing.written(share) * dry, matrix @ place, matrix)
        if tool is not None:
            x, y = place[:2] @ (*writing.pen(share), 1.0)
            away = max(0.0, moment - end) * _LEAVES
            _draw_pen(Pen(canvas, matrix).at(x, y, lean).at(away, 0), tool, ink)
        lit = cv2.multiply(canvas, page.light, scale=1 / 255)
        frame = cv2.resize(lit, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        x, y = rng.integers(_SPARE, size=2)
        yield cv2.add(frame, noise[y : y + HEIGHT, x : x + WIDTH], dtype=cv2.CV_8U)


def write_writing(path: Path, image: np.ndarray, part: str, seed: int, rng: np.random.Generator) -> None:
    """Draw it and write it as mp4."""
    write_mp4(path, draw_writing(image, part, seed, rng))


def _place(rng: np.random.Generator) -> np.ndarray:
    """[3, 3]: pixels of the shape -> page units: size, slant and position of the digit."""
    high = rng.uniform(64.0, 88.0)
    turn, slant, wide = radians(rng.uniform(-8.0, 8.0)), rng.uniform(-0.15, 0.15), rng.uniform(0.88, 1.12)
    middle = rng.uniform(-1.0, 1.0, 2) * _STAGE
    rotation = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])
    linear = high / (_GLYPH * SIDE) * rotation @ np.array([[wide, -slant], [0.0, 1.0]])
    corner = middle - linear @ np.array([SIDE / 2, SIDE / 2])
    return np.vstack([np.column_stack([linear, corner]), [0.0, 0.0, 1.0]])


def _move(rng: np.random.Generator) -> _Camera:
    return _Camera(
        zoom=(rng.uniform(0.95, 1.05), rng.uniform(-0.06, 0.06)),
        turn=(rng.uniform(-5.0, 5.0), rng.uniform(-4.0, 4.0)),
        shift=rng.uniform(-1.0, 1.0, (2, 2)) * [[2.0, 1.5], [6.0, 3.0]],
        shake=rng.uniform([0.2, 0.5, 0.0], [1.2, 2.0, 1.0], (2, 3)),
    )


def _written(page: Page, wet: np.ndarray, cover: np.ndarray, to_canvas: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """The page with as much ink as `cover` [SIDE, SIDE] says; wet: a canvas full of ink."""
    canvas = page.seen(camera)
    alpha = cv2.warpAffine(cover, to_canvas, canvas.shape[1::-1])
    mixed: np.ndarray = cv2.blendLinear(wet, canvas, alpha, 1.0 - alpha)
    return mixed


def _draw_pen(pen: Pen, barrel: Colour, ink: Colour) -> None:
    """A pen whose point is the origin; it lies along the x axis."""
    pen.polygon([(7, -3), (160, -3), (160, 3), (7, 3)], barrel)
    pen.polygon([(7, -3), (160, -3), (160, -1), (7, -1)], shade(barrel, 1.25))
    pen.polygon([(0, 0), (7, -3), (7, 3)], shade(barrel, 0.6))
    pen.ellipse(0.6, 0, 0.9, 0.9, ink)
