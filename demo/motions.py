"""Which motion draws which action."""

from collections.abc import Callable

from .categories import Category
from .food_motions import cut, grate, peel, wash
from .look import Look
from .pen import Pen
from .vessel_motions import pour, sprinkle, squeeze, stir, take_out

Draw = Callable[[Pen, Category, Look, float], None]
"""Draws one moment of a category; the time is in seconds from 0 to 2.56."""

DRAW: dict[str, Draw] = {
    "pour": pour,
    "cut": cut,
    "sprinkle": sprinkle,
    "squeeze": squeeze,
    "stir": stir,
    "take out": take_out,
    "wash": wash,
    "grate": grate,
    "peel": peel,
}
"""How each action is drawn."""
