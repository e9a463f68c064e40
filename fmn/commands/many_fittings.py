"""The options of the commands that fit many models on one cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

WIDTH = 100  # of the tables where the output is no terminal


def of_many_fittings(out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """CACHE, --out, --quiet, and what `compare` and `study` take as it is; `out` is the default folder."""
    folder = click.Path(path_type=Path)
    options = (
        click.argument("cache", type=folder, default=Path("cache")),
        click.option("--out", type=folder, default=Path(out), show_default=True, help="Folder to write."),
        click.option("--workers", default=2, show_default=True, help="Processes, of one thread each."),
        click.option("--video-encoder", help="Features of all rows.  [default: i3d, or the only one]"),
        click.option(
            "--audio-encoder", help="Features of the rows without own ones.  [default: bilstm, or the only one]"
        ),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
        click.option("--quiet", is_flag=True, help="Print nothing but the tables and errors."),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
