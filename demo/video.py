"""One video of a kind: a scene, a look, and the kind's motion drawn through time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fmn.demo.kinds import Kind
from fmn.demo.look import make_look
from fmn.demo.motions import DRAW
from fmn.demo.movie import FPS, FRAMES, write_mp4
from fmn.demo.scene import SCENES, make_scene


def scene_index(part: str, rng: np.random.Generator) -> int:
    """The scene that an item stands in: the first thing that is drawn from the item's generator."""
    return int(rng.integers(SCENES[part]))


def draw(kind: Kind, part: str, seed: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """64 frames, each [H, W, 3] uint8 RGB."""
    scene = make_scene(part, scene_index(part, rng), seed, rng)
    look = make_look(part, rng)
    for k in range(FRAMES):
        pen = scene.canvas()
        DRAW[kind.action](pen, kind, look, k / FPS)
        yield scene.finish(pen)


def write_video(path: Path, kind: Kind, part: str, seed: int, rng: np.random.Generator) -> None:
    """Draw it and write it as mp4."""
    write_mp4(path, draw(kind, part, seed, rng))
