"""What a study leaves: a table for the terminal, study.csv and study.png."""

import json
from pathlib import Path

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fmn.printable import printable

from ..history import drawn, picture
from .experiment_folder import listing, write_csv
from .findings import Estimate
from .study import MEASURES, Study, StudyRow

FILES = ("study.csv", "study.png")
SAID = "Validation part of the train split, mean of both directions; the test split was not touched."
HEADS = {"mAP": "mAP", "hit_rate@1": "hit@1", "recall@10": "R@10", "recall@25": "R@25"}


def render(study: Study) -> Group:
    """The rows in percent, and how each differs from the first in mAP, paired over seeds."""
    table = Table(box=box.SIMPLE, padding=(0, 1), show_edge=False)
    table.add_column("variant", overflow="fold")
    for name in MEASURES:
        table.add_column(HEADS[name], justify="right", no_wrap=True)
    table.add_column("mAP minus default (95 %)", justify="right", no_wrap=True)
    table.add_column("seconds", justify="right")
    shown = [row for row in study.rows if not row.error]
    for row in shown:
        cells = [_percent(row.mean(name)) for name in MEASURES]
        change = _signed(row.against(study.rows[0], "mAP")) if _comparable(row, study) else ""
        seconds = sum(row.seconds) / len(row.seconds)
        table.add_row(Text(row.variant.name), *cells, change, f"{seconds:.0f}")
    lines = [Text(printable(f"{row.variant.name} is not in the table: {row.error}")) for row in study.rows if row.error]
    lines += [Text(printable(f"Warning: {warning}"), style="bold yellow") for warning in study.warnings]
    return Group(table, *lines, Text(SAID, style="dim"))


def write_files(study: Study, out: Path) -> None:
    """Write study.csv (one line a variant, rates in [0, 1]) and study.png into a folder, each atomically."""
    shown = [row for row in study.rows if not row.error]
    lines = []
    for row in shown:
        line = {"factor": row.variant.factor, "value": row.variant.value, "setting": json.dumps(row.variant.setting)}
        line |= {"seeds": str(len(row.seconds))}
        for name in MEASURES:
            found = row.mean(name)
            line |= {name: f"{found.mean:.5f}", f"{name} std": f"{found.std:.5f}" if found.n > 1 else ""}
        if _comparable(row, study):
            change = row.against(study.rows[0], "mAP")
            line["mAP minus default"] = f"{change.mean:.5f}"
            if change.n > 1:
                line |= {"low": f"{change.low:.5f}", "high": f"{change.high:.5f}"}
        lines.append(line)
    with listing(out, FILES):
        write_csv(out, "study.csv", lines)
        _draw(study, out / "study.png")


def _comparable(row: StudyRow, study: Study) -> bool:
    """Whether the row has a difference from the default: both were fitted, and it is another one."""
    return not row.error and not study.rows[0].error and row is not study.rows[0]


def _draw(study: Study, path: Path) -> None:
    """PNG: mAP minus that of the default with its interval, a line a variant."""
    rows = [row for row in study.rows if _comparable(row, study)]
    with picture(path, figsize=(8, 1.5 + 0.25 * len(rows))) as axes:
        for place, row in enumerate(rows):
            change = row.against(study.rows[0], "mAP")
            reach = 100 * (change.high - change.mean) if change.n > 1 else 0
            axes.errorbar(100 * change.mean, place, xerr=reach, fmt="o", color="C0", capsize=3)
        axes.axvline(0, color="grey", linewidth=1)
        axes.set_yticks(range(len(rows)), [drawn(row.variant.name) for row in rows])
        axes.invert_yaxis()
        axes.set_xscale("symlog", linthresh=1.0)  # a change that breaks the FMN must not hide the small ones
        axes.set_xlabel("validation mAP minus that of the default (points), 95 % over seeds")
        axes.grid(axis="x", alpha=0.2)


def _percent(found: Estimate) -> str:
    return f"{100 * found.mean:.1f}" + (f"±{100 * found.std:.1f}" if found.n > 1 else "")


def _signed(found: Estimate) -> str:
    return f"{100 * found.mean:+.1f}" + (f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})" if found.n > 1 else "")
