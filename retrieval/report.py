"""A report for programs (JSON, CSV) and as rows of a table."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fmn.errors import InputError
from fmn.files import write_durably, written
from fmn.tables import as_csv

from .indexing import WAYS
from .protocol import Report

RATES = ("direction", "metric", "k", "value", "low", "high", "ceiling", "chance")
STDOUT = {Path("/dev/stdout"), Path("/dev/fd/1"), Path("/proc/self/fd/1")}
STREAMS = {Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")}  # their names stand for what is open already
SIZES = ("queries", "gallery", "counted", "failed_queries")


def as_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON values; rates are in [0, 1]."""
    return asdict(report)


def write_json(report: Report, path: str | Path) -> None:
    """Write the whole report, a file atomically. Raises OSError, and InputError for a folder."""
    write_text(path, json.dumps(as_json(report), indent=1, allow_nan=False) + "\n")


def write_csv(report: Report, path: str | Path) -> None:
    """Write one row a direction, metric and k, a file atomically; rates are in [0, 1], ranks count from 1.

    Where the report has numbers with updating or with an indexed gallery, a column `memory` tells "fixed" rows from
    "updating", "gallery" and "both" ones; those with updating hold mean, least and greatest over the orders as value,
    low and high, and the standard deviation as `sd`.

    Raises OSError, and InputError for a folder.
    """
    rows: list[dict[str, Any]] = []
    updating, ways = "updating" in report.facts, [way for way in WAYS if "gallery" in report.facts]
    told = updating or bool(ways)
    columns = (*RATES, *SIZES, *(("memory", "sd") if updating else ("memory",) if told else ()))
    for direction, result in report.directions.items():
        shared = {"direction": direction} | {name: result[name] for name in SIZES}
        rows += [shared | row | ({"memory": "fixed"} if told else {}) for row in _rows(result)]
        for way in ways:
            rows += [shared | row | {"memory": way} for row in _rows(report.facts["gallery"][way][direction])]
        for row in updating_rows(report, direction) if updating else ():
            found = {"memory": "updating", "value": row["mean"], "low": row["min"], "high": row["max"]}
            rows.append(shared | found | {name: row[name] for name in ("metric", "k", "sd")})
    write_text(path, as_csv(columns, rows, newline="\n"))


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
        rates = [percent(result[metric][str(k)]) for metric in ("hit_rate", "recall") for k in ks]
        rows.append([name, *rates, percent(result["mAP"]), f"{result['MedR']:g}", str(result["gallery"])])
        rates = [percent(result[f"{metric}_chance"][str(k)]) for metric in ("hit_rate", "recall") for k in ks]
        rows.append([f"{name}, chance", *rates, percent(result["mAP_chance"]), "", ""])
    return rows


def updating_rows(report: Report, direction: str) -> Iterator[dict[str, Any]]:
    """One row a metric and k: {"metric", "k", "without", "mean", "sd", "min", "max"}, rates in [0, 1]."""
    found: Mapping[str, Any] = report.facts["updating"]["directions"][direction]
    plain = report.directions[direction]
    for metric in ("hit_rate", "recall"):
        for k, numbers in found[metric].items():
            yield {"metric": metric, "k": k, "without": plain[metric][k], **numbers}
    yield {"metric": "mAP", "k": "", "without": plain["mAP"], **found["mAP"]}


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
    """Write a file atomically, or to the pipe or terminal of that name. Raises OSError, and InputError for a folder.

    UTF-8; file names that are not keep their bytes.
    """
    path, data = Path(path), text.encode("utf-8", "surrogateescape")
    check_target(path)
    if path.absolute() in STDOUT:  # not opened again: in a file that would have a place of its own
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if path.exists() and (not path.is_file() or path.absolute().parent in STREAMS):
        with written(path), open(path, "ab", buffering=0) as stream:  # a pipe or a terminal: never replaced
            stream.write(data)
        return
    target = Path(os.path.realpath(path))  # a link stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    write_durably(target.parent, target.name, data)


def percent(share: float) -> str:
    """A share as percent with two decimals."""
    return f"{100 * share:.2f}"
