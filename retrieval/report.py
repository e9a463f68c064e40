"""A report for people (terminal) and for programs (JSON, CSV)."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fmn.errors import InputError
from fmn.files import write_durably

from .protocol import DIRECTIONS, Report
from .updating_table import render_updating, updating_rows

NOUNS = {"video": "clips", "audio": "recordings"}
NAMED = 10  # failed or left-out items spelled out in the terminal; the JSON file names them all
RATES = ("direction", "metric", "k", "value", "low", "high", "ceiling", "chance")
STDOUT = {Path("/dev/stdout"), Path("/dev/fd/1"), Path("/proc/self/fd/1")}
STREAMS = {Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")}  # their names stand for what is open already
SIZES = ("queries", "gallery", "counted", "failed_queries")


def render(report: Report) -> Group:
    """The report for a terminal of 80 columns or more: rates in percent, both directions, nothing by colour alone."""
    parts: list[RenderableType] = []
    for name, (_, gallery) in DIRECTIONS.items():
        result = report.directions[name]
        parts += [_heading(name, result, gallery), Padding(_table(result), (0, 0, 0, 1))]
        parts += [Padding(_summary(result), (0, 0, 1, 1))]
    parts += [Padding(render_updating(report), (0, 0, 1, 0))] if "updating" in report.facts else []
    parts += [Padding(_notes(report), (0, 0, 0, 1))]
    for count, what, names in _exceptions(report):
        more = "" if count <= NAMED else f"\n  ... and {count - NAMED} more (the JSON file names them all)"
        parts.append(Padding(Text(f"{what}\n" + "\n".join(f"  {n}" for n in names[:NAMED]) + more), (1, 0, 0, 1)))
    parts += [Padding(Text(f"Warning: {warning}", style="bold yellow"), (1, 0, 0, 1)) for warning in report.warnings]
    return Group(*parts)


def as_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON values; rates are in [0, 1]."""
    return asdict(report)


def write_json(report: Report, path: str | Path) -> None:
    """Write the whole report, a file atomically. Raises OSError, and InputError for a folder."""
    write_text(path, json.dumps(as_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(report: Report, path: str | Path) -> None:
    """Write one row a direction, metric and k, a file atomically; rates are in [0, 1], ranks count from 1.

    Where the report has numbers with updating, a column `memory` tells "fixed" rows from "updating" ones; the latter
    hold mean, least and greatest over the orders as value, low and high, and the standard deviation as `sd`.

    Raises OSError, and InputError for a folder.
    """
    text = io.StringIO(newline="")
    updating = "updating" in report.facts
    columns = (*RATES, *SIZES, *(("memory", "sd") if updating else ()))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for direction, result in report.directions.items():
        shared = {"direction": direction} | {name: result[name] for name in SIZES}
        writer.writerows(shared | row | ({"memory": "fixed"} if updating else {}) for row in _rows(result))
        for row in updating_rows(report, direction) if updating else ():
            found = {"memory": "updating", "value": row["mean"], "low": row["min"], "high": row["max"]}
            writer.writerow(shared | found | {name: row[name] for name in ("metric", "k", "sd")})
    write_text(path, text.getvalue())


def check_target(path: str | Path) -> None:
    """Raise InputError if a report cannot be written to this name, because it is a folder's."""
    if Path(path).is_dir():
        raise InputError(f"A report is written to a file, but {path} is a folder: name a file in it.")


def summary_rows(report: Report) -> list[list[str]]:
    """The report as a small table of texts with a heading row, rates in percent: for a page."""
    ks = report.directions["speech->video"]["ks"]
    head = ["direction", *(f"hit rate @{k}" for k in ks), *(f"recall @{k}" for k in ks), "mAP", "MedR", "pool"]
    rows = [head]
    for name, result in report.directions.items():
        rates = [_percent(result[metric][str(k)]) for metric in ("hit_rate", "recall") for k in ks]
        rows.append([name, *rates, _percent(result["mAP"]), f"{result['MedR']:g}", str(result["gallery"])])
        rates = [_percent(result[f"{metric}_chance"][str(k)]) for metric in ("hit_rate", "recall") for k in ks]
        rows.append([f"{name}, chance", *rates, _percent(result["mAP_chance"]), "", ""])
    return rows


def _rows(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for metric in ("hit_rate", "recall"):
        for k, value in result[metric].items():
            low, high = result[f"{metric}_interval"][k]
            rate = {"metric": metric, "k": k, "value": value, "low": low, "high": high}
            yield rate | {"ceiling": result[f"{metric}_ceiling"][k], "chance": result[f"{metric}_chance"][k]}
    low, high = result["mAP_interval"]
    rate = {"metric": "mAP", "value": result["mAP"], "low": low, "high": high}
    yield rate | {"ceiling": result["mAP_ceiling"], "chance": result["mAP_chance"]}
    yield {"metric": "MedR", "value": result["MedR"]}
    yield {"metric": "MeanR", "value": result["MeanR"], "chance": result["MeanR_chance"]}


def write_text(path: str | Path, text: str) -> None:
    """Write a file atomically, or to the pipe or terminal of that name. Raises OSError, and InputError for a folder."""
    path = Path(path)
    check_target(path)
    if path.absolute() in STDOUT:  # not opened again: in a file that would have a place of its own
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    if path.exists() and (not path.is_file() or path.absolute().parent in STREAMS):
        with open(path, "ab", buffering=0) as stream:  # a pipe or a terminal is written to, never replaced
            stream.write(text.encode())
        return
    target = Path(os.path.realpath(path))  # a link stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    write_durably(target.parent, target.name, text.encode())


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _with_interval(value: float, interval: list[float]) -> str:
    return f"{_percent(value)} ({100 * interval[0]:.1f}-{100 * interval[1]:.1f})"


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
            cells += [_percent(result[f"{metric}_{level}"][k]) for level in ("ceiling", "chance")]
        table.add_row(k, *cells)
    return table


def _summary(result: Mapping[str, Any]) -> Text:
    return Text(
        f"mAP {_with_interval(result['mAP'], result['mAP_interval'])}, chance {_percent(result['mAP_chance'])}   "
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
    return Text("\n".join(lines), style="dim")


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
