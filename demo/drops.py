"""What the motions are made of: easing, points between frames of reference, falling drops and grains."""

from typing import Final

import numpy as np

from .look import Look
from .pen import Colour, Pen

BASE: Final = 106.0
"""Where vessels stand on the counter, in scene units."""


def smooth(share: float) -> float:
    """Ease in and out: 0 to 1 -> 0 to 1."""
    return share * share * (3 - 2 * share)


def from_local(local: Pen, outer: Pen, point: tuple[float, float]) -> np.ndarray:
    """A point of a local pen in the units of the outer one."""
    pixel = local.where([point])[0]
    result: np.ndarray = np.linalg.solve(outer.matrix[:, :2], pixel - outer.matrix[:, 2])
    return result


def arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The path [8, 2] of a liquid that leaves sideways and then falls."""
    share = np.linspace(0, 1, 8)
    across = 1 - (1 - np.minimum(1.0, share * 1.4)) ** 2
    return np.column_stack([start[0] + (end[0] - start[0]) * across, start[1] + (end[1] - start[1]) * share**1.5])


def fall(
    pen: Pen,
    look: Look,
    time: float,
    top: tuple[float, float],
    height: float,
    spread: float,
    width: float,
    colour: Colour,
    count: int,
    rising: bool = False,
) -> None:
    """`count` drops or grains between `top` and `height` units below it (`rising`: they spring up and back)."""
    age = (time * (2.2 if height > 25 else 3.2) + look.scatter[:count, 1]) % 1
    x = top[0] + (look.scatter[:count, 0] - 0.5) * spread * (0.5 + 0.8 * age)
    y = top[1] + height * (4 * (age - 0.5) ** 2 if rising else age**1.6)
    pen.streaks(np.column_stack([x, y]), width * 0.8, width, colour)


def spray(look: Look, time: float, centre: tuple[float, float], reach: float) -> np.ndarray:
    """Drops [20, 2] that fly off to both sides of `centre` and sink."""
    age = (time * 2.6 + look.scatter[20:40, 1]) % 1
    side = (look.scatter[20:40, 0] - 0.5) * 2
    return np.column_stack([centre[0] + side * reach * (0.3 + age), centre[1] - 14 * np.sin(age * 3.0) + 18 * age**2])
