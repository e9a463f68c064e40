"""The comparison in a terminal of 100 columns: rates in percent, nothing told by colour alone."""

import json
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fmn.printable import printable
from fmn.retrieval.protocol import DIRECTIONS

from .findings import Comparison, Estimate, Measure, Row, protocol_lines

ONE_TABLE = 3  # ks of both directions that stand beside one another in 100 columns


def render(comparison: Comparison) -> Group:
    """The paper's table, hit rates, MedR and mAP of each direction, how each row was fitted, and the statements."""
    parts: list[RenderableType] = []
    directions = list(DIRECTIONS)
    recall = "Recall at k (%, eq. 5)"
    if len(comparison.ks) <= ONE_TABLE:
        parts += _table(comparison, f"{recall}: {' | '.join(directions)}", comparison.measures("recall"))
    else:
        for name in directions:
            parts += _table(comparison, f"{recall}: {name}", [Measure("recall", name, k) for k in comparison.ks])
    for name in directions:
        measures = [*(Measure("hit_rate", name, k) for k in comparison.ks), Measure("MedR", name), Measure("mAP", name)]
        parts += _table(comparison, f"Hit rate at k (%), MedR, mAP (%): {name}", measures)
    parts += [_fittings(comparison), *_warnings(comparison)]
    parts += [Text(printable(line)) for line in comparison.statements()]
    for row in comparison.failed:
        # On one line, however long: a command that is folded cannot be copied.
        told = "\n" + printable(f"{row.name} is not in the table: {row.error}")
        parts.append(Text(told, style="bold", no_wrap=True, overflow="ignore"))
    return Group(
        *parts, Padding(Text("\n".join(map(printable, protocol_lines(comparison))), style="dim"), (1, 0, 0, 0))
    )


def _table(comparison: Comparison, title: str, measures: Sequence[Measure]) -> list[RenderableType]:
    table = Table(box=box.SIMPLE, title=title, title_justify="left", padding=(0, 0), show_edge=False)
    table.add_column("System", min_width=14, overflow="fold")
    for measure in measures:
        head = {"recall": f"R@{measure.k}", "hit_rate": f"hit@{measure.k}"}.get(measure.metric, measure.metric)
        table.add_column(head, justify="right", no_wrap=True)
    for row in comparison.shown:
        _add(table, comparison, row, [_cell(row.mean(measure), measure.metric) for measure in measures])
    table.add_section()
    for name in ("ceiling", "chance"):
        values = [comparison.level(measure, name) for measure in measures]
        shown = ["" if value != value else _number(m.metric)(value) for m, value in zip(measures, values, strict=True)]
        table.add_row(name, *shown, style="dim")
    return [table, *_warnings(comparison)]


def _fittings(comparison: Comparison) -> Table:
    title = "How each row was fitted (mAP on the validation part, seconds a fitting)"
    table = Table(box=box.SIMPLE, title=title, title_justify="left", padding=(0, 0), show_edge=False)
    for name, justify in (("System", "left"), ("val. mAP", "right"), ("seconds", "right"), ("seeds", "right")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("setting chosen; features", overflow="fold")
    for row in comparison.shown:
        seconds = row.of_the_fitting("seconds").mean
        told = json.dumps(row.results[0]["setting"], sort_keys=True)
        told = f"{told}; {row.encoders['video']}, {row.encoders['audio']}" + (f"; {row.note}" if row.note else "")
        seeds = str(len(row.results)) if row.system.seeded else "once"
        _add(
            table, comparison, row, [_cell(row.of_the_fitting("validation_mAP"), "mAP"), f"{seconds:.1f}", seeds, told]
        )
    return table


def _add(table: Table, comparison: Comparison, row: Row, cells: Sequence[str]) -> None:
    best = row is comparison.best
    name = f"* {row.name}" if best else f"  {row.name}"
    table.add_row(*(Text(printable(text)) for text in (name, *cells)), style="bold" if best else None)


def _warnings(comparison: Comparison) -> list[RenderableType]:
    lines: list[RenderableType] = [Text("* the highest mAP, mean of both directions", style="dim")]
    lines = lines if comparison.shown else []
    return [*lines, *(Text(printable(f"Warning: {each}"), style="bold yellow") for each in comparison.warnings), Text()]


def _cell(found: Estimate, metric: str) -> str:
    number = _number(metric)
    return f"{number(found.mean)}±{number(found.std)}" if found.n > 1 else number(found.mean)


def _number(metric: str) -> Callable[[float], str]:
    return (lambda value: f"{value:.1f}") if metric == "MedR" else (lambda value: f"{100 * value:.2f}")
