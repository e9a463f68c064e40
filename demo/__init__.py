"""The demonstration sets: the drawn and spoken kitchen, and real handwritten digits against real spoken ones.

`make_kitchen` and `make_digits` write one with its manifest. They are loaded when first used.
"""

from typing import TYPE_CHECKING

from fmn.lazy import offer

__getattr__, __all__ = offer(__name__, __file__)
if TYPE_CHECKING:
    from .digits import make_digits as make_digits
    from .kitchen import make_kitchen as make_kitchen
