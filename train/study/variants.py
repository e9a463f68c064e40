"""The changes that the study tries: a factor of the FMN, the value that it takes, and the fields that say so."""

from dataclasses import dataclass
from typing import Any

from fmn.errors import InputError

from ..losses import NEGATIVES
from ..settings import AS_PRINTED
from ..systems import System

_PAIRED: dict[str, Any] = {"slots": "paired"}
_SOURCE = "feature memory network, a variant"


@dataclass(frozen=True, eq=False)
class Variant:
    """`setting`: fields of `FmnConfig` and `TrainSettings` that differ from the defaults."""

    factor: str
    value: str
    setting: dict[str, Any]

    @property
    def name(self) -> str:
        """Such as "keys = raw"."""
        return f"{self.factor} = {self.value}" if self.value else self.factor

    @property
    def system(self) -> System:
        """The variant as a row that can be fitted."""
        return System(self.name, _SOURCE, "", (self.setting,), None)


DEFAULT = Variant("default", "", {})


def _each(factor: str, field: str, *values: Any) -> list[Variant]:
    return [Variant(factor, str(value), {field: value}) for value in values]


VARIANTS: tuple[Variant, ...] = (
    DEFAULT,
    Variant("as printed", "", AS_PRINTED),
    Variant("as printed", "writes by score", {**AS_PRINTED, "writes": "score"}),
    *_each("exponent beta", "beta", -1.0, 0.0),
    Variant("exponent beta", "learned", {"learn_beta": True}),
    Variant("slots", "paired", _PAIRED),
    Variant("slots", "independent", {"slots": "independent"}),
    Variant("keys", "raw", {"keys": "raw"}),
    Variant("maximum", "hard", {"maximum": "hard"}),
    *_each("temperature", "temperature", 0.05, 0.2),
    Variant("projection", "linear", {"projection": "linear"}),
    Variant("S1", "head alone", {"fusion": "head"}),
    Variant("S1", "head and cosine", {"fusion": "both"}),
    Variant("softmax ranking", "without", {"ranking": 0.0}),
    *_each("T1", "t1", 0.3, 0.8),
    Variant("writes", "by score, paired slots", {**_PAIRED, "writes": "score"}),
    *(Variant("paired slots X", str(value), {**_PAIRED, "capacity": value}) for value in (20, 100)),
    *(Variant("paired slots T2", str(value), {**_PAIRED, "t2": value}) for value in (0.2, 0.6)),
    Variant("paired slots w", "0.3", {**_PAIRED, "weight": 0.3}),
    *(Variant("triplet", f"with, {category}", {"triplet": 1.0, "negatives": category}) for category in NEGATIVES[1:]),
    Variant("triplet", "in place of the softmax ranking", {"triplet": 1.0, "ranking": 0.0}),
    Variant("triplet", "with, all negatives", {"triplet": 1.0}),
    *_each("common space", "common", 64, 512),
    *_each("dropout", "dropout", 0.3, 0.5),
)
"""One change at a time; the first is none."""


def chosen_variants(factors: str) -> list[Variant]:
    """The variants of some factors, named with commas ("" = all), after the default.

    Raises:
        InputError: a name that is no factor.
    """
    asked = {name.strip().casefold() for name in factors.split(",")} if factors else set()
    known = list(dict.fromkeys(variant.factor for variant in VARIANTS))
    unknown = asked - {name.casefold() for name in known}
    if unknown:
        raise InputError(f"The study has the factors {', '.join(known)}; got {', '.join(map(repr, sorted(unknown)))}.")
    return [each for each in VARIANTS if each is DEFAULT or not asked or each.factor.casefold() in asked]
