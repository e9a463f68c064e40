"""What the commands print besides progress and reports."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fmn.retrieval.search import Hit

PIPE_WIDTH = 10_000


def show_hits(query: Path, modality: str, hits: Sequence[Hit], warnings: Sequence[str]) -> None:
    """Print the ranked items of a search."""
    # In a pipe or a file every hit is one line: a path that is folded there is no path any more.
    console = Console(emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    found = "clips for the recording" if modality == "audio" else "recordings for the clip"
    table = Table(title=f"{found} {escape(str(query))}", box=box.SIMPLE)
    table.add_column("rank", justify="right")
    table.add_column("S", justify="right")
    table.add_column("label", overflow="fold")
    table.add_column("path", overflow="fold")
    for hit in hits:
        table.add_row(str(hit.rank), f"{hit.score:.4f}", escape(hit.label or "-"), escape(_shown(hit.path)))
    console.print(table)
    for warning in warnings:
        console.print(f"Warning: {warning}", markup=False)


def _shown(path: str) -> str:
    return path if Path(path).exists() else f"{path} (missing)"
