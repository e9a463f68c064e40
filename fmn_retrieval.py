"""The door of the console commands: `fmn-extract` is `fmn_retrieval:extract`, which is `fmn.commands.extract:main`.

It stands outside the package `fmn`, so that it can still speak where another project's `fmn` has taken our place.
"""

import sys
from importlib import import_module
from typing import Any

DISTRIBUTION = "fmn-retrieval"


def __getattr__(command: str) -> Any:
    """The command of that name; where `fmn` is not ours, one sentence and exit code 2."""
    if command.startswith("_"):  # what the import system asks for by itself
        raise AttributeError(command)
    try:
        fmn: Any = import_module("fmn")
        ours = fmn.DISTRIBUTION == DISTRIBUTION
    except Exception:  # whatever another project's __init__ may raise
        ours = False
    if not ours:
        place = getattr(sys.modules.get("fmn"), "__file__", None) or "nowhere"
        print(
            f"Error: This command belongs to {DISTRIBUTION}, but the package fmn that Python finds ({place}) is "
            f"another project's or incomplete: remove it (pip uninstall fmn), then install {DISTRIBUTION} again.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    try:
        return import_module(f"fmn.commands.{command}").main
    except KeyboardInterrupt:
        print("Error: Interrupted. Nothing was begun.", file=sys.stderr)
        raise SystemExit(130) from None
