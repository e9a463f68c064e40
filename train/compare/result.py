"""What a finished run has left in result.json, validated: it may have been damaged, or come from elsewhere."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

from fmn.errors import InputError
from fmn.retrieval.protocol import DIRECTIONS

from .table import Measure


def is_number(value: object) -> TypeGuard[float]:
    """A finite number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_result(found: dict[str, Any], path: Path, system: str, seed: int, ks: Sequence[int]) -> None:
    """Refuse what is not the result of `system` with `seed`, ranked at `ks`.

    Raises:
        InputError: something is missing, of another run, or no number of its range; the sentence says what to do.
    """
    again = "Delete it; the same command makes it again."
    missing = {"directions", "seconds", "validation_mAP", "warnings", "seed", "system"} - found.keys()
    if missing:
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}. {again}")
    if found["system"] != system or found["seed"] != seed or isinstance(found["seed"], bool):
        raise InputError(
            f"{path} is of {found['system']!r} with seed {found['seed']!r}, and not of its folder. {again}"
        )
    warnings = found["warnings"]
    if not isinstance(warnings, list) or not all(isinstance(each, str) for each in warnings):
        raise InputError(f"{path} has warnings that are no list of sentences. {again}")
    rates = [Measure(metric, name, k) for name in DIRECTIONS for metric in ("recall", "hit_rate") for k in ks]
    rates += [Measure("mAP", name) for name in DIRECTIONS]
    try:
        sound = all(0 <= each.of(found["directions"]) <= 1 for each in rates)
        sound = sound and all(Measure("MedR", name).of(found["directions"]) >= 1 for name in DIRECTIONS)
        sound = sound and all(is_number(found[key]) for key in ("seconds", "validation_mAP"))
    except (KeyError, TypeError, ValueError, AttributeError):
        sound = False
    if not sound:
        raise InputError(f"{path} does not hold the run's numbers. {again}")
