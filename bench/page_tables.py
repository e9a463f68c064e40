"""The tables of docs/results/README.md from their CSVs, as Markdown on the terminal.

python bench/page_tables.py table2 docs/results/table2_kitchen.csv
python bench/page_tables.py new-categories docs/results/new_categories_kitchen.csv
python bench/page_tables.py study docs/results/study_kitchen.csv
python bench/page_tables.py fallbacks docs/results/fallbacks_kitchen.csv
"""

import csv
import statistics
from pathlib import Path

import click

DIRECTIONS = {"s→v": "speech->video", "v→s": "video->speech"}


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(head, lines):
    click.echo("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for line in lines:
        click.echo("| " + " | ".join(line) + " |")


def percent(row, name):
    if not row.get(name):
        return ""
    spread = row.get(f"{name} std")
    return f"{100 * float(row[name]):.2f}" + (f" ±{100 * float(spread):.2f}" if spread else "")


@click.group()
def main():
    """One table of the page."""


@main.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
def table2(table):
    """Mean of both directions, percent, and its deviation over seeds; a line a system and what it was fitted on."""
    found = {}
    for row in rows_of(table):
        if not row.get("error"):
            found.setdefault((row["system"], row["fitted on"]), []).append(row)
    names = ("recall@1", "recall@10", "recall@25", "mAP")
    lines = []
    for (system, part), rows in found.items():
        cells = []
        for name in names:
            values = [50 * sum(float(row[f"{d} {name}"]) for d in DIRECTIONS.values()) for row in rows]
            spread = f" ±{statistics.stdev(values):.2f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.2f}{spread}")
        chosen = [100 * float(row["validation mAP"]) for row in rows if row["validation mAP"]]
        times = [float(row["seconds"]) for row in rows if row["seconds"]]
        told = [f"{statistics.mean(chosen):.1f}" if chosen else "", f"{statistics.median(times):.1f}" if times else ""]
        lines.append([system, part, *cells, *told])
    write(["", "fitted on", "R@1", "R@10", "R@25", "mAP", "validation mAP", "s a fitting"], lines)


@main.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
def fallbacks(table):
    """mAP of each way of spoiling, mean over the draws."""
    found = {}
    for row in rows_of(table):
        found.setdefault((row["train"], row["gallery"]), {}).setdefault(row["system"], []).append(float(row["mAP"]))
    systems = list(next(iter(found.values())))
    lines = [
        [train, gallery, *(f"{100 * statistics.mean(values[name]):.1f}" for name in systems)]
        for (train, gallery), values in found.items()
    ]
    write(["train", "gallery", *systems], lines)


@main.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
def new_categories(table):
    """Recall at 10 of new and old categories by the number of enrolled pairs."""
    rows = [row for row in rows_of(table) if row["seed"] == "mean" and (row["metric"], row["k"]) == ("recall", "10")]
    steps = sorted({int(row["pairs"]) for row in rows})
    lines = []
    for direction in DIRECTIONS.values():
        for queries in ("new", "old"):
            found = {int(r["pairs"]): r for r in rows if (r["direction"], r["queries"]) == (direction, queries)}
            cells = [f"{100 * float(found[n]['value']):.1f} ±{100 * float(found[n]['sd']):.1f}" for n in steps]
            lines.append([f"{direction}, {queries} categories", *cells, f"{100 * float(found[0]['chance']):.1f}"])
    write(["recall at 10, %", *(f"{n} pairs" for n in steps), "chance"], lines)


@main.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True))
def study(table):
    """One change a line, on the validation part."""
    lines = []
    for row in rows_of(table):
        name = f"{row['factor']} = {row['value']}" if row["value"] else row["factor"]
        cells = [percent(row, column) for column in ("mAP", "hit_rate@1", "recall@10", "recall@25")]
        ends = [f"{100 * float(row[key]):+.2f}" for key in ("mAP minus default", "low", "high") if row.get(key)]
        told = f"{ends[0]} ({ends[1]} to {ends[2]})" if len(ends) == 3 else "".join(ends[:1])
        lines.append([name, *cells, told])
    write(["change", "mAP", "hit@1", "R@10", "R@25", "mAP minus default (95 %)"], lines)


if __name__ == "__main__":
    main()
