"""Things that lie about and have nothing to do with the action: the same ones that other kinds are about."""

from collections.abc import Callable

import numpy as np

from fmn.demo import food, things
from fmn.demo.kinds import Kind
from fmn.demo.look import Look
from fmn.demo.pen import Pen

_PLACES = ((14.0, 70.0), (52.0, 63.0), (104.0, 63.0), (146.0, 70.0))  # on the back of the counter, left to right
_FOOD = ("apple", "cucumber", "orange", "onion", "lemon", "radish")


def lay_out(pen: Pen, kind: Kind, look: Look, count: int, rng: np.random.Generator) -> None:
    """Draw `count` things (0 to 4) that the kind is not about on the back of the counter."""
    others = [name for name in _FOOD if name != kind.subject] + [name for name in _VESSELS if name not in _own(kind)]
    chosen = rng.choice(others, size=count, replace=False)
    places = rng.permutation(len(_PLACES))[:count]
    for name, place in zip(chosen, places, strict=True):
        x, y = np.array(_PLACES[place]) + rng.uniform(-6, 6, 2) * (1.0, 0.5)
        scale = rng.uniform(0.62, 0.82)
        if name in _FOOD:
            height = scale * float(food.half_height(str(name), look, 0.0))
            food.whole(pen.at(x, y - height, rng.uniform(-12, 12), scale, bool(rng.random() < 0.5)), str(name), look)
        else:
            _VESSELS[str(name)](pen.at(x, y, 0.0, scale), look)


def _own(kind: Kind) -> tuple[str, ...]:
    return (kind.subject, kind.receptacle)


def _jar(pen: Pen, look: Look) -> None:
    things.jar_back(pen, look)
    things.jar_front(pen, look)


def _bowl(pen: Pen, look: Look) -> None:
    things.bowl_back(pen, look, look.paint["china"])
    things.bowl_front(pen, look)


def _oil(pen: Pen, look: Look) -> None:
    things.oil_bottle(pen.at(0, -26), look)


def _milk(pen: Pen, look: Look) -> None:
    things.carton(pen.at(0, -26), look)


def _spice(pen: Pen, look: Look) -> None:
    things.spice_tin(pen.at(0, -22), look)


def _salt(pen: Pen, look: Look) -> None:
    things.salt_cellar(pen.at(0, -22), look)


_VESSELS: dict[str, Callable[[Pen, Look], None]] = {
    "jar": _jar,
    "bowl": _bowl,
    "oil": _oil,
    "milk": _milk,
    "spice": _spice,
    "salt": _salt,
}
