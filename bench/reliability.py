"""The table of what was counted: docs/results/reliability.csv, a line a measure, which its bench replaces when it ran.

Columns: measure; runs (how many were made); wrong (how many ended otherwise than they should: 0 is the aim); detail (a
sentence about what was counted); seconds; command; machine; commit.
"""

import csv
import os
import platform
import subprocess
from pathlib import Path

from fmn.tables import as_csv

COLUMNS = ("measure", "runs", "wrong", "detail", "seconds", "command", "machine", "commit")


def record(out: Path, measure: str, runs: int, wrong: int, detail: str, seconds: float, command: str) -> None:
    """Put the line of `measure` into the table `out`, in place of the one that stands there."""
    lines = []
    if out.is_file():
        with out.open(newline="", encoding="utf-8") as handle:
            lines = [line for line in csv.DictReader(handle) if line["measure"] != measure]
    values = (measure, runs, wrong, detail, round(seconds), command, _machine(), _commit())
    lines.append(dict(zip(COLUMNS, map(str, values), strict=True)))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(COLUMNS, sorted(lines, key=lambda line: line["measure"]), newline="\n"), encoding="utf-8")


def _machine() -> str:
    name = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else ():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return f"{name}, {os.cpu_count()} threads"


def _commit() -> str:
    here = Path(__file__).resolve().parent
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=here, capture_output=True, text=True, check=False).stdout.strip()
