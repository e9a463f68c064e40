"""What a comparison leaves beside its runs: table.csv, summary.csv, table.tex and table.png."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fmn.files import write_durably

from .figure import draw
from .latex import latex
from .table import Comparison, Row

LEVELS = ("chance", "ceiling")


def write_files(comparison: Comparison, out: Path) -> None:
    """Write all of them into an existing folder, each atomically."""
    warnings = " | ".join(comparison.warnings)
    write_csv(out, "table.csv", [{**line, "warnings": warnings} for line in table_lines(comparison)])
    write_csv(out, "summary.csv", [{**line, "warnings": warnings} for line in summary_lines(comparison)])
    write_durably(out, "table.tex", latex(comparison).encode())
    draw(comparison, out / "table.png")


def table_lines(comparison: Comparison) -> list[dict[str, Any]]:
    """A line a system and seed, then chance and ceiling; rates in [0, 1], ranks from 1, seconds of fitting."""
    lines: list[dict[str, Any]] = []
    for row in comparison.rows:
        for result in row.results:
            numbers = {measure.name: measure.of(result["directions"]) for measure in comparison.all_measures()}
            told = {"seed": result["seed"], "validation mAP": result["validation_mAP"], "seconds": result["seconds"]}
            lines.append({**_who(row, comparison), **told, **numbers})
        if row.error:
            lines.append({**_who(row, comparison), "error": row.error})
    return [*lines, *_levels(comparison)]


def summary_lines(comparison: Comparison) -> list[dict[str, Any]]:
    """A line a system with mean and standard deviation over its seeds (n - 1; empty for one), chance and ceiling.

    No times: the same comparison gives the same file.
    """
    lines: list[dict[str, Any]] = []
    for row in comparison.rows:
        line = {**_who(row, comparison), "seeds": len(row.results), "error": row.error}
        if row.results:
            line["validation mAP"] = row.of_the_fitting("validation_mAP").mean
            for measure in comparison.all_measures():
                found = row.mean(measure)
                line |= {measure.name: found.mean, f"{measure.name} std": found.std}
        lines.append(line)
    return [*lines, *_levels(comparison)]


def _who(row: Row, comparison: Comparison) -> dict[str, Any]:
    setting = json.dumps(row.results[0]["setting"], sort_keys=True) if row.results else ""
    encoders = {f"{modality} encoder": row.encoders.get(modality, "") for modality in ("video", "audio")}
    return {"system": row.system.name, **encoders, "setting": setting, "note": row.note, "reference": row.system.source}


def _levels(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"system": name, **{each.name: comparison.level(each, name) for each in comparison.all_measures()}}
        for name in LEVELS
    ]


def write_csv(out: Path, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write lines with the columns of all of them, NaN as nothing, atomically."""
    text = io.StringIO(newline="")
    columns = list(dict.fromkeys(key for line in lines for key in line))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if _is_nan(value) else value for key, value in line.items()} for line in lines)
    write_durably(out, name, text.getvalue().encode())


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
