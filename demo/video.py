"""One video of a category: a scene, a look, and the category's motion drawn through time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .categories import Category
from .look import make_look
from .motions import DRAW
from .movie import FPS, FRAMES, write_mp4
from .pen import Pen
from .props import lay_out
from .scene import SCENES, make_scene

_STAGE = (14.0, 6.0)  # how far the action moves to the side and up or down, in scene units


def scene_index(part: str, rng: np.random.Generator) -> int:
    """The scene that an item stands in: the first thing that is drawn from the item's generator."""
    return int(rng.integers(SCENES[part]))


def draw(category: Category, part: str, seed: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """64 frames, each [H, W, 3] uint8 RGB."""
    scene = make_scene(part, scene_index(part, rng), seed, rng)
    look = make_look(part, rng)
    lay_out(Pen(scene.backdrop, scene.matrix), category, look, int(rng.integers(2, 5)), rng)
    x, y = rng.uniform(-1.0, 1.0, 2) * _STAGE
    scale = rng.uniform(0.7, 1.0)
    for k in range(FRAMES):
        pen = scene.canvas()
        # The action moves and shrinks about the middle of the counter's front, where its vessel stands.
        stage = pen.at(80 + x, 106 + y, 0.0, scale).at(-80, -106)
        DRAW[category.action](stage, category, look, k / FPS)
        yield scene.finish(pen)


def write_video(path: Path, category: Category, part: str, seed: int, rng: np.random.Generator) -> None:
    """Draw it and write it as mp4."""
    write_mp4(path, draw(category, part, seed, rng))
