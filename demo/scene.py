"""A kitchen: wall, counter, light and camera. Every scene belongs to one part, and its name is the items' `group`."""

from dataclasses import dataclass
from math import cos, pi, radians, sin

import cv2
import numpy as np

from .light import make_light
from .palette import colour
from .pen import Pen, shade

WIDTH, HEIGHT = 160, 120
"""Pixels of a finished frame; one pixel is one scene unit at zoom 1."""

SCENES = {"train": 20, "test": 8}
_OVERSAMPLING = 2  # drawn larger and averaged down: smooth edges, and no flicker of thin shapes
_HORIZON = 54.0  # where the wall meets the counter
_PATTERNS = ("plain", "tiles", "stripes", "checks", "dots")


@dataclass(frozen=True)
class Scene:
    """name: the group. matrix [2, 3]: the camera.

    backdrop [2H, 2W, 3] uint8: wall and counter. light [2H, 2W, 3] uint8: 255 leaves a colour as it is.
    """

    name: str
    backdrop: np.ndarray
    light: np.ndarray
    matrix: np.ndarray

    def canvas(self) -> Pen:
        """A pen over a fresh copy of the backdrop."""
        return Pen(self.backdrop.copy(), self.matrix)

    def finish(self, pen: Pen) -> np.ndarray:
        """The light falls on what was drawn: frame [H, W, 3] uint8 RGB."""
        lit = cv2.multiply(pen.image, self.light, scale=1 / 255)
        frame: np.ndarray = cv2.resize(lit, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        return frame


def scene_name(part: str, index: int) -> str:
    """The `group` of the videos of a scene, such as `kitchen-train-07`."""
    return f"kitchen-{part}-{index:02d}"


def make_scene(part: str, index: int, seed: int, shake: np.random.Generator) -> Scene:
    """Scene `index` of a part: its look follows from (seed, part, index); `shake` moves the camera between items."""
    rng = np.random.default_rng([seed, 101 if part == "train" else 102, index])
    wall, counter = colour("wall", part, rng), colour("counter", part, rng)
    pattern = str(rng.choice(_PATTERNS))
    zoom = rng.uniform(0.85, 1.15) * shake.uniform(0.95, 1.05)
    turn = radians(rng.uniform(-5.0, 5.0) + shake.uniform(-2.0, 2.0))
    shift = rng.uniform(-1.0, 1.0, 2) * (10.0, 6.0) + shake.uniform(-5.0, 5.0, 2)
    mirror = -1.0 if shake.random() < 0.5 else 1.0
    matrix = _camera(zoom, turn, shift, mirror)

    image = np.full((HEIGHT * _OVERSAMPLING, WIDTH * _OVERSAMPLING, 3), wall, np.uint8)
    pen = Pen(image, matrix)
    _paper_wall(pen, pattern, wall, rng)
    pen.polygon([(-80, _HORIZON), (240, _HORIZON), (240, 240), (-80, 240)], counter)
    pen.polygon([(-80, _HORIZON), (240, _HORIZON), (240, _HORIZON + 2), (-80, _HORIZON + 2)], shade(counter, 0.75))
    _veins(pen, counter, rng)
    return Scene(
        scene_name(part, index), image, make_light(part, WIDTH * _OVERSAMPLING, HEIGHT * _OVERSAMPLING, rng), matrix
    )


def _camera(zoom: float, turn: float, shift: np.ndarray, mirror: float) -> np.ndarray:
    c, s = zoom * cos(turn) * _OVERSAMPLING, zoom * sin(turn) * _OVERSAMPLING
    linear = np.array([[c * mirror, -s], [s * mirror, c]])
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    target = (middle + shift) * _OVERSAMPLING
    return np.column_stack([linear, target - linear @ middle])


def _paper_wall(pen: Pen, pattern: str, wall: tuple[int, int, int], rng: np.random.Generator) -> None:
    if pattern == "plain":
        return
    step = rng.uniform(14, 26)
    offset = rng.uniform(0, step)
    if pattern == "tiles":
        line = shade(wall, rng.choice([0.9, 1.3]))
        for y in np.arange(offset - 60, _HORIZON, step):
            pen.line([(-80, y), (240, y)], 0.8, line)
        for x in np.arange(offset - 80, 240, step):
            pen.line([(x, -60), (x, _HORIZON)], 0.8, line)
    elif pattern == "stripes":
        for x in np.arange(offset - 80, 240, step):
            pen.polygon([(x, -60), (x + step / 2, -60), (x + step / 2, _HORIZON), (x, _HORIZON)], shade(wall, 0.9))
    else:
        tone = shade(wall, rng.choice([0.88, 1.35]))
        for row, y in enumerate(np.arange(offset - 60, _HORIZON - step / 2, step / 2)):
            for x in np.arange(offset - 80 + (row % 2) * step / 2, 240, step):
                if pattern == "dots":
                    pen.ellipse(x, y, step * 0.16, step * 0.16, tone)
                else:
                    pen.polygon([(x, y), (x + step / 2, y), (x + step / 2, y + step / 2), (x, y + step / 2)], tone)


def _veins(pen: Pen, counter: tuple[int, int, int], rng: np.random.Generator) -> None:
    """The counter's grain: long lines, a little lighter or darker than the counter."""
    for _ in range(int(rng.integers(6, 14))):
        y = rng.uniform(_HORIZON + 4, 135)
        x = np.linspace(-40, 200, 12)
        bend = y + rng.uniform(0.5, 2.0) * np.sin(x * rng.uniform(0.02, 0.05) + rng.uniform(0, 2 * pi))
        pen.line(np.column_stack([x, bend]), rng.uniform(0.5, 1.5), shade(counter, rng.choice([0.93, 1.12])))
