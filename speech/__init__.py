"""Utterances: sentences spoken by many voices, in rooms and noise.

`read_clips` reads what is to be spoken about, `make_plan` draws who says what by `PlanSettings`, `make_speech` speaks
it. `speak` says one sentence. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .clips import read_clips as read_clips
    from .espeak import speak as speak
    from .make import make_speech as make_speech
    from .plan import PlanSettings as PlanSettings
    from .plan import make_plan as make_plan
