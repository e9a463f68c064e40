"""What the commands print besides progress and reports."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fmn.retrieval.search import Hit


def show_hits(query: Path, modality: str, hits: Sequence[Hit], warnings: Sequence[str]) -> None:
    """Print the ranked items of a search."""
    console = Console()
    found = "clips for the recording" if modality == "audio" else "recordings for the clip"
    table = Table(title=f"{found} {escape(str(query))}", box=box.SIMPLE)
    table.add_column("rank", justify="right")
    table.add_column("S", justify="right")
    table.add_column("label", overflow="fold")
    table.add_column("path", overflow="fold")
    for hit in hits:
        table.add_row(str(hit.rank), f"{hit.score:.4f}", escape(hit.label or "-"), escape(hit.path))
    console.print(table)
    for warning in warnings:
        console.print(f"Warning: {warning}", markup=False)
