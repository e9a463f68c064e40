"""Random numbers that depend on the name of a thing alone, so that neither the order nor the size of a plan matters."""

import hashlib
import json
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")


def digest(*key: str | int) -> bytes:
    """32 bytes; keys of different parts never run together ("a", "bc" and "ab", "c" differ)."""
    return hashlib.sha256(json.dumps(key).encode()).digest()


def generator(*key: str | int) -> np.random.Generator:
    """A generator of its own for `key`, such as ("room", seed, label, index)."""
    return np.random.default_rng(np.frombuffer(digest(*key), np.uint32))


def share(*key: str | int) -> float:
    """A number in [0, 1)."""
    return int.from_bytes(digest(*key)[:6]) / 2**48


def pick(choices: Sequence[Choice], names: Sequence[str], *key: str | int) -> Choice:
    """One of the choices [n]; `names` [n] tell them apart.

    A choice that comes or goes changes only the draws that it wins or won, and their order changes none.
    """
    return min(zip(choices, names, strict=True), key=lambda each: digest(*key, each[1]))[0]
