"""The experiment with new categories as a table, a CSV file and a curve."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from fmn.retrieval.protocol import DIRECTIONS
from fmn.retrieval.report import write_text
from fmn.retrieval.updating import statistics

from .new_categories import NewCategories
from .picture import save_picture

COLUMNS = ("seed", "categories", "pairs", "queries", "direction", "metric", "k", "value", "sd", "chance")
KEYS = ("direction", "queries", "metric", "k", "pairs")


def summary(found: NewCategories) -> Iterator[dict[str, Any]]:
    """Mean, sd (n - 1, over seeds) and mean chance of every cell, rates in [0, 1]."""
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in found.rows:
        cells.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    for key, rows in cells.items():
        numbers = statistics([row["value"] for row in rows])
        chance = statistics([row["chance"] for row in rows])["mean"]
        yield dict(zip(KEYS, key, strict=True)) | {"value": numbers["mean"], "sd": numbers["sd"], "chance": chance}


def table(found: NewCategories, direction: str) -> Table:
    """One direction in percent: a row a metric and group of queries, a column a number of enrolled pairs."""
    cells = [row for row in summary(found) if row["direction"] == direction]
    steps = sorted({row["pairs"] for row in cells})
    seeds = len(found.categories)
    title = f"{direction}: % mean ± sd of {seeds} seed{'s' * (seeds != 1)}, by enrolled pairs a category"
    drawn = Table(
        title=title, box=box.SIMPLE, padding=(0, 1, 0, 0), title_justify="left", pad_edge=False, show_edge=False
    )
    drawn.add_column("queries", no_wrap=True)
    for step in steps:
        drawn.add_column(str(step), justify="right", no_wrap=True)
    drawn.add_column("chance", justify="right", no_wrap=True, style="dim")
    for queries in ("new", "old"):
        lines: dict[tuple[str, Any], dict[int, dict[str, Any]]] = {}
        for row in cells:
            if row["queries"] == queries:
                lines.setdefault((row["metric"], row["k"]), {})[row["pairs"]] = row
        for (metric, k), line in lines.items():
            name = f"{queries} {metric.replace('_', ' ')}" + (f" @{k}" if k else "")
            values = [f"{100 * line[step]['value']:.1f}" for step in steps]
            if seeds > 1:
                values = [f"{value}±{100 * line[step]['sd']:.1f}" for value, step in zip(values, steps, strict=True)]
            drawn.add_row(name, *values, f"{100 * line[steps[0]]['chance']:.1f}")
    return drawn


def write_csv(found: NewCategories, path: Path) -> None:
    """Every seed's rows, then those of all seeds (seed "mean") with their sd; rates in [0, 1]. A file is written
    atomically; `categories` are parted by " | ", as labels may hold spaces."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "categories": " | ".join(found.categories[row["seed"]])} for row in found.rows)
    writer.writerows({**row, "seed": "mean"} for row in summary(found))
    write_text(path, text.getvalue())


def draw(found: NewCategories, path: Path, k: int) -> None:
    """Recall at k of new and old categories over the enrolled pairs, one panel a direction, as PNG, atomically."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    rows = [row for row in summary(found) if row["metric"] == "recall" and row["k"] == k]
    for panel, direction in zip(panels, DIRECTIONS, strict=True):
        for queries, style in (("new", "-o"), ("old", "--s")):
            line = sorted(
                (row for row in rows if row["direction"] == direction and row["queries"] == queries),
                key=lambda row: int(row["pairs"]),
            )
            steps = [row["pairs"] for row in line]
            values, spread = ([100 * row[name] for row in line] for name in ("value", "sd"))
            panel.errorbar(steps, values, yerr=spread, fmt=style, capsize=3, label=f"{queries} categories")
            if queries == "new":
                panel.plot(steps, [100 * row["chance"] for row in line], ":", color="grey", label="chance")
        panel.set_title(direction)
        panel.set_xlabel("enrolled pairs a new category")
    panels[0].set_ylabel(f"recall at {k} (%)")
    panels[0].set_ylim(bottom=0)
    panels[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(figure, path)
