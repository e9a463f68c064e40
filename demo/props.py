"""Things that lie about and have nothing to do with the action: the same ones that other categories are about."""

from collections.abc import Callable

import numpy as np

from . import food, things
from .categories import Category
from .look import Look
from .pen import Pen

_PLACES = ((16.0, 71.0), (52.0, 64.0), (106.0, 64.0), (144.0, 71.0))  # on the back of the counter, left to right
_FOOD = ("apple", "cucumber", "orange", "onion", "lemon", "radish")
_TOOL_OF = {"squeeze": "juicer", "grate": "grater"}  # what an action brings along besides its subject and receptacle


def lay_out(pen: Pen, category: Category, look: Look, count: int, rng: np.random.Generator) -> None:
    """Draw `count` things (0 to 4) that the category is not about at the back of the counter, and at times a tap."""
    if category.action != "wash" and rng.random() < 0.4:
        things.tap(pen.at(rng.uniform(20, 140), rng.uniform(22, 34), 0.0, 0.9, bool(rng.random() < 0.5)), look)
    own = (category.subject, category.receptacle, _TOOL_OF.get(category.action, ""))
    others = [name for name in (*_FOOD, *_STANDING) if name not in own]
    chosen = rng.choice(others, size=count, replace=False)
    places = rng.permutation(len(_PLACES))[:count]
    for name, place in zip(chosen, places, strict=True):
        x, y = _PLACES[place][0] + rng.uniform(-7, 7), _PLACES[place][1] + rng.uniform(-3, 3)
        scale, flip = rng.uniform(0.62, 0.85), bool(rng.random() < 0.5)
        if name in _FOOD:
            height = scale * float(food.half_height(str(name), look, 0.0))
            food.whole(pen.at(x, y - height, rng.uniform(-12, 12), scale, flip), str(name), look)
        else:
            _STANDING[str(name)](pen.at(x, y, 0.0, scale, flip), look)


def _jar(pen: Pen, look: Look) -> None:
    things.jar_back(pen, look)
    things.jar_front(pen, look)


def _bowl(pen: Pen, look: Look) -> None:
    things.bowl_back(pen, look, look.paint["china"])
    things.bowl_front(pen, look)


def _pan(pen: Pen, look: Look) -> None:
    things.pan_back(pen.at(0, 0, 0.0, 0.7), look)
    things.pan_front(pen.at(0, 0, 0.0, 0.7), look)


def _juicer(pen: Pen, look: Look) -> None:
    things.juicer_back(pen, look, look.paint["glass"], 0.0)
    things.juicer_front(pen, look)


def _grater(pen: Pen, look: Look) -> None:
    things.grater(pen.at(0, -34, -75, 0.7), look)


# Hand-held things are drawn around the grip, so they are lifted by what lies below it.
_STANDING: dict[str, Callable[[Pen, Look], None]] = {
    "jar": _jar,
    "bowl": _bowl,
    "frying pan": _pan,
    "juicer": _juicer,
    "grater": _grater,
    "oil": lambda pen, look: things.oil_bottle(pen.at(0, -26), look),
    "milk": lambda pen, look: things.carton(pen.at(0, -26), look),
    "spice": lambda pen, look: things.spice_tin(pen.at(0, -22), look),
    "salt": lambda pen, look: things.salt_cellar(pen.at(0, -22), look),
}
