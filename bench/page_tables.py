"""The tables of docs/results/README.md from their CSVs, as Markdown on the terminal.

python bench/page_tables.py table2 docs/results/table2_kitchen_summary.csv
python bench/page_tables.py new-categories docs/results/new_categories_kitchen.csv
python bench/page_tables.py study docs/results/study_kitchen.csv
"""

import csv
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
@click.argument("summary", type=click.Path(path_type=Path, exists=True))
def table2(summary):
    """Recall at k of both directions, hit rate at 1, mAP, and the median seconds of a fitting from the table beside."""
    table = summary.with_name(summary.name.replace("_summary", ""))
    seconds = {}
    for row in rows_of(table):
        if row["seconds"]:
            seconds.setdefault(row["system"], []).append(float(row["seconds"]))
    names = [(f"{a} R@{k}", f"{d} recall@{k}") for a, d in DIRECTIONS.items() for k in (1, 10, 25)]
    names += [(f"{a} hit@1", f"{d} hit_rate@1") for a, d in DIRECTIONS.items()]
    names += [(f"{a} mAP", f"{d} mAP") for a, d in DIRECTIONS.items()]
    lines = []
    for row in rows_of(summary):
        times = sorted(seconds.get(row["system"], []))
        took = f"{times[len(times) // 2]:.1f}" if times else ""
        lines.append([row["system"], *(percent(row, column) for _, column in names), took])
    write(["", *(name for name, _ in names), "s a fitting"], lines)


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
        ends = [f"{100 * float(row[key]):+.2f}" for key in ("mAP minus default", "low", "high") if row[key]]
        lines.append([name, *cells, f"{ends[0]} ({ends[1]} to {ends[2]})" if len(ends) == 3 else ""])
    write(["change", "mAP", "hit@1", "R@10", "R@25", "mAP minus default (95 %)"], lines)


if __name__ == "__main__":
    main()
