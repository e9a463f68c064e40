"""A report for people, in the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fmn.printable import printable

from .indexing import WAYS, indexed_rows
from .protocol import DIRECTIONS, Report
from .report import percent, updating_rows

NOUNS = {"video": "clips", "audio": "recordings"}
NAMED = 10  # failed or left-out items spelled out; the JSON file names them all
STATISTICS = ("mean", "sd", "min", "max")


def render(report: Report) -> Group:
    """The report for a terminal of 80 columns or more: rates in percent, both directions, nothing by colour alone."""
    parts: list[RenderableType] = []
    for name, (_, gallery) in DIRECTIONS.items():
        result = report.directions[name]
        parts += [_heading(name, result, gallery), Padding(_table(result), (0, 0, 0, 1))]
        parts += [Padding(_summary(result), (0, 0, 1, 1))]
    parts += [Padding(_updating(report), (0, 0, 1, 0))] if "updating" in report.facts else []
    parts += [Padding(_indexed(report), (0, 0, 1, 0))] if "gallery" in report.facts else []
    parts += [Padding(_notes(report), (0, 0, 0, 1))]
    for count, what, names in _exceptions(report):
        more = "" if count <= NAMED else f"\n  ... and {count - NAMED} more (the JSON file names them all)"
        parts.append(
            Padding(Text(f"{what}\n" + "\n".join(f"  {printable(n)}" for n in names[:NAMED]) + more), (1, 0, 0, 1))
        )
    parts += [
        Padding(Text(printable(f"Warning: {warning}"), style="bold yellow"), (1, 0, 0, 1))
        for warning in report.warnings
    ]
    return Group(*parts)


def _updating(report: Report) -> Group:
    """The part of the terminal's report that `evaluate_updating` added; rates in percent."""
    updating = report.facts["updating"]
    parts: list[RenderableType] = []
    for direction in DIRECTIONS:
        offered = updating["directions"][direction]["offered"]
        title = Text(f" {direction}, memory updated while ranking", style="bold")
        parts.append(title.append(f"  {offered:.0f} offered (mean)", style="not bold"))
        parts.append(_side_by_side(updating_rows(report, direction), ("without", *STATISTICS)))
    note = (
        f"With updating a result depends on the order of the queries: mean, standard deviation, least and greatest "
        f"over {updating['orders']} seeded orders (seed {updating['seed']}). {updating['rule']}"
    )
    parts.append(Padding(Text(note, style="dim"), (0, 0, 0, 1)))
    return Group(*parts)


def _indexed(report: Report) -> Group:
    """The part of the terminal's report that `evaluate_indexed` added; rates in percent."""
    parts: list[RenderableType] = []
    for direction in DIRECTIONS:
        parts.append(Text(f" {direction}, gallery indexed", style="bold"))
        parts.append(_side_by_side(indexed_rows(report, direction), ("alone", *WAYS)))
    parts.append(Padding(Text(report.facts["gallery"]["rule"], style="dim"), (0, 0, 0, 1)))
    return Group(*parts)


def _side_by_side(rows: Iterable[Mapping[str, Any]], heads: Sequence[str]) -> Padding:
    """A line a metric and k, a column a head, in percent. rows: {"metric", "k", head: rate in [0, 1]}."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(" metric", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        name = row["metric"].replace("_", " ") + (f" @{row['k']}" if row["k"] else "")
        table.add_row(f" {name}", *(f"{100 * row[head]:.2f}" for head in heads))
    return Padding(table, (0, 0, 1, 1))


def _heading(name: str, result: Mapping[str, Any], gallery: str) -> Text:
    failed = f" ({result['failed_queries']} more failed)" if result["failed_queries"] else ""
    text = Text(f" {name}", style="bold")
    return text.append(
        f"  {result['queries']} queries{failed}, pool of {result['gallery']} {NOUNS[gallery]}", style="not bold"
    )


def _table(result: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, padding=0, show_edge=False)
    table.add_column(" k", justify="right", no_wrap=True)
    for metric in ("hit rate %", "recall %"):
        table.add_column(f"{metric} (95 %)", justify="right", no_wrap=True, min_width=20)
        table.add_column("ceiling", justify="right", no_wrap=True, style="dim")
        table.add_column("chance", justify="right", no_wrap=True, style="dim")
    for k in result["hit_rate"]:
        cells = []
        for metric in ("hit_rate", "recall"):
            cells.append(_with_interval(result[metric][k], result[f"{metric}_interval"][k]))
            cells += [percent(result[f"{metric}_{level}"][k]) for level in ("ceiling", "chance")]
        table.add_row(k, *cells)
    return table


def _with_interval(value: float, interval: list[float]) -> str:
    return f"{percent(value)} ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"


def _summary(result: Mapping[str, Any]) -> Text:
    return Text(
        f"mAP {_with_interval(result['mAP'], result['mAP_interval'])}, chance {percent(result['mAP_chance'])}   "
        f"MedR {result['MedR']:g}   MeanR {result['MeanR']:.1f}, chance {result['MeanR_chance']:.1f}"
    )


def _notes(report: Report) -> Text:
    encoders = report.facts.get("encoders", {})
    names = ", ".join(f"{modality} {record['name']}" for modality, record in encoders.items())
    bootstrap = report.directions["speech->video"]["bootstrap"]
    facts = report.facts.get("run", {})
    run = [f"{key} {value}" for key, value in facts.items() if isinstance(value, str | int | float)]
    lines = [
        "hit rate: queries with at least one relevant item in the top k (often printed as R@k).",
        "recall: relevant items in the top k / all relevant items (eq. 5).",
        f"Relevant = same {report.relevant}; {report.split} split of {report.facts.get('cache', '?')}; {names}.",
        f"95 %: bootstrap over queries ({bootstrap['samples']} samples, seed {bootstrap['seed']}). "
        "Ties count as a random order.",
        *(["Run: " + ", ".join(run) + "."] if run else []),
    ]
    return Text("\n".join(map(printable, lines)), style="dim")


def _exceptions(report: Report) -> Iterator[tuple[int, str, list[str]]]:
    """What is not in the numbers as usual: how many items, the sentence over them, a line for each."""
    if report.failed:
        count, kind = len(report.failed), {"video": "clip", "audio": "recording"}
        what = f"{count} item{'s' * (count > 1)} failed extraction and count{'s' * (count == 1)} as a miss:"
        yield count, what, [f"{kind[each.modality]} {each.id}: {each.reason}" for each in report.failed]
    for name, ids in report.left_out.items():
        if ids:
            one, many = "query has no right answer in the set and is", "queries have no right answer in the set and are"
            yield len(ids), f"{name}: {len(ids)} {one if len(ids) == 1 else many} left out:", list(ids)
