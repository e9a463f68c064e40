"""Fruit and vegetables: outlines, whole things, and what knife, peeler and grater leave of them."""

import numpy as np

from .look import Look
from .pen import Colour, Pen, shade

# half length and half height in scene units, and the power of the outline's superellipse (higher: more like a rod)
_FORM = {
    "cucumber": (42.0, 10.5, 5.0),
    "orange": (22.0, 22.0, 2.0),
    "onion": (22.0, 20.0, 2.0),
    "lemon": (25.0, 18.0, 2.0),
    "apple": (22.0, 22.0, 2.3),
    "radish": (20.0, 19.0, 2.2),
}
_FLESH: dict[str, Colour] = {
    "cucumber": (206, 226, 160),
    "orange": (250, 190, 84),
    "onion": (240, 226, 240),
    "lemon": (250, 240, 160),
    "apple": (248, 238, 206),
    "radish": (250, 240, 242),
}


def half_length(subject: str, look: Look) -> float:
    """Half the length of the thing, in scene units."""
    return _FORM[subject][0] * look.size


def half_height(subject: str, look: Look, x: np.ndarray | float) -> np.ndarray:
    """Half the height of the outline at `x` from the middle; 0 beyond the ends."""
    length, height, power = _FORM[subject]
    inside = np.clip(1 - np.abs(np.asarray(x) / (length * look.size)) ** power, 0.0, 1.0)
    result: np.ndarray = height * look.size * inside ** (1 / power)
    return result


def flesh(subject: str) -> Colour:
    """The colour under the skin."""
    return _FLESH[subject]


def whole(pen: Pen, subject: str, look: Look, left: float = -1.0, right: float = 1.0) -> None:
    """The thing around the origin, cut off outside `left` to `right` (in half lengths, -1 to 1)."""
    length = half_length(subject, look)
    x = np.linspace(left, right, 25) * length
    height = half_height(subject, look, x)
    colour = look.paint[subject]
    if subject == "radish" and left <= -1:
        _leaves(pen, -length)
    if subject in ("onion", "radish", "lemon"):
        tip = 1.22 if subject == "onion" else 1.12
        if right >= 1:
            pen.line([(length * 0.9, 0), (length * tip, 0)], 3.5, shade(colour, 0.9))
        if left <= -1 and subject != "radish":
            pen.line([(-length * 0.9, 0), (-length * tip, 0)], 3.5, shade(colour, 0.9))
    pen.polygon(np.concatenate([np.column_stack([x, -height]), np.column_stack([x, height])[::-1]]), colour)
    lower = np.concatenate([np.column_stack([x, height * 0.35]), np.column_stack([x, height])[::-1]])
    pen.polygon(lower, shade(colour, 0.86))
    _marks(pen, subject, colour, x, height)
    if subject == "apple" and left <= 0 <= right:
        top = -float(half_height(subject, look, 0.0))
        pen.line([(0, top + 3), (3, top - 5)], 2.5, (96, 66, 40))
        pen.polygon(
            [(3, -25 * look.size), (9, -30 * look.size), (16, -27 * look.size), (9, -23 * look.size)], (96, 150, 64)
        )


def _marks(pen: Pen, subject: str, colour: Colour, x: np.ndarray, height: np.ndarray) -> None:
    """What tells the skins apart: stripes of a cucumber, rings of an onion, pores of an orange, a shine elsewhere."""
    if subject == "cucumber":
        for share in (-0.55, -0.1):
            pen.line(np.column_stack([x, height * share])[2:-2], 1.4, shade(colour, 1.35))
    elif subject == "onion":
        for share in (-0.6, -0.15, 0.35):
            pen.line(np.column_stack([x, height * share]), 1.0, shade(colour, 0.75))
    elif subject == "orange":
        for share in (-0.5, 0.0, 0.5):
            dots = np.column_stack([x, height * share])[3:-3:4]
            pen.streaks(dots, 0.2, 1.6, shade(colour, 0.85))
    if subject != "cucumber":
        shine = np.column_stack([x, -height * 0.66])[6:12]
        pen.line(shine, 3.0, shade(colour, 1.5))


def _leaves(pen: Pen, x: float) -> None:
    for angle, size in ((-30, 1.0), (0, 1.2), (30, 1.0)):
        leaf = pen.at(x + 2, 0, angle, size)
        leaf.polygon([(0, -1.5), (-9, -5), (-17, 0), (-9, 5), (0, 1.5)], (92, 150, 70))


def slice_of(pen: Pen, subject: str, look: Look, x: float) -> None:
    """The disc that a cut at `x` leaves, seen a little from the side, around the origin."""
    height = float(half_height(subject, look, x))
    pen.ellipse(0, 0, 0.36 * height + 1.2, height, shade(look.paint[subject], 0.9))
    pen.ellipse(-0.8, 0, 0.30 * height + 0.6, max(height - 1.6, 0.5), flesh(subject))


def half(pen: Pen, subject: str, look: Look) -> None:
    """Half a fruit, the cut face down, standing on the origin."""
    length = half_length(subject, look)
    x = np.linspace(-1, 1, 21) * length
    dome = np.column_stack([x, -half_height(subject, look, x)])
    pen.polygon(dome, look.paint[subject])
    pen.line(dome[5:9] * (0.8, 0.8), 3.0, shade(look.paint[subject], 1.5))
    pen.ellipse(0, 0, length, 4.0, flesh(subject))
