"""The classes of a head: names where they are known, and the most probable ones of some logits."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fmn.errors import InputError

KINETICS_400 = Path(__file__).with_name("kinetics400.txt")


@dataclass(frozen=True)
class Guess:
    """One class. `probability`: of the softmax over all classes."""

    index: int
    name: str
    logit: float
    probability: float


@cache
def kinetics_400() -> tuple[str, ...]:
    """The 400 classes of Kinetics (Kay et al. 2017) in the order of the published heads, which is alphabetical."""
    return tuple(KINETICS_400.read_text(encoding="utf-8").splitlines())


def class_name(index: int, classes: int) -> str:
    """The name of class `index` of a head of `classes`; "class 17" where the head is not Kinetics-400's."""
    return kinetics_400()[index] if classes == len(kinetics_400()) else f"class {index}"


def top(logits: np.ndarray, count: int = 5) -> list[Guess]:
    """The `count` most probable classes of float [classes], best first, equal ones in order of index.

    Raises InputError where a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise InputError("The network's outputs are not finite numbers: its weights, or the clip, are damaged.")
    exact = logits.astype(np.float64)
    shares = np.exp(exact - exact.max())
    shares /= shares.sum()
    order = np.argsort(-exact, kind="stable")[:count]
    return [Guess(int(k), class_name(int(k), len(exact)), float(exact[k]), float(shares[k])) for k in order]
