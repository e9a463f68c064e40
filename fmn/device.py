"""The device that a network runs on, as it is named at the shell."""

import re

import torch

from fmn.errors import InputError

NAMES = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


def pick_device(name: str) -> str:
    """Return the torch device of "auto", "cpu", "cuda" or "cuda:N"; InputError for others and those not there."""
    picked = name
    if name == "auto":
        picked = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if not NAMES.fullmatch(name):
            raise ValueError(name)
        torch.zeros(1, device=picked)
    except (RuntimeError, AssertionError, ValueError):
        raise InputError(f"The device is auto, cpu, cuda or cuda:N; {name!r} cannot be used here.") from None
    return picked
