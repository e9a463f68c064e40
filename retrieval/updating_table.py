"""The numbers with updating beside those without: for the terminal and as rows of the CSV."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .protocol import DIRECTIONS, Report

STATISTICS = ("mean", "sd", "min", "max")


def render_updating(report: Report) -> Group:
    """The part of the terminal's report that `evaluate_updating` added; rates in percent."""
    updating = report.facts["updating"]
    parts: list[RenderableType] = []
    for direction in DIRECTIONS:
        offered = updating["directions"][direction]["offered"]
        title = Text(f" {direction}, memory updated while ranking", style="bold")
        parts.append(title.append(f"  {offered:.0f} pairs offered (mean)", style="not bold"))
        table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
        table.add_column(" metric", no_wrap=True)
        for head in ("without", *STATISTICS):
            table.add_column(head, justify="right", no_wrap=True)
        for row in updating_rows(report, direction):
            name = row["metric"].replace("_", " ") + (f" @{row['k']}" if row["k"] else "")
            table.add_row(f" {name}", *(f"{100 * row[each]:.2f}" for each in ("without", *STATISTICS)))
        parts.append(Padding(table, (0, 0, 1, 1)))
    note = (
        f"With updating a result depends on the order of the queries: mean, standard deviation, least and greatest "
        f"over {updating['orders']} seeded orders (seed {updating['seed']}). {updating['rule']}"
    )
    parts.append(Padding(Text(note, style="dim"), (0, 0, 0, 1)))
    return Group(*parts)


def updating_rows(report: Report, direction: str) -> Iterator[dict[str, Any]]:
    """One row a metric and k: {"metric", "k", "without", "mean", "sd", "min", "max"}, rates in [0, 1]."""
    found: Mapping[str, Any] = report.facts["updating"]["directions"][direction]
    plain = report.directions[direction]
    for metric in ("hit_rate", "recall"):
        for k, numbers in found[metric].items():
            yield {"metric": metric, "k": k, "without": plain[metric][k], **numbers}
    yield {"metric": "mAP", "k": "", "without": plain["mAP"], **found["mAP"]}
