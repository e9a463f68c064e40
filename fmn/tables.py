"""Tables as CSV in which no spreadsheet finds a formula, whatever labels, ids and file names begin with.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a line break gets an apostrophe before it; numbers stay numbers. A
table that fmn reads again says so itself, in a column `MARK`, and is read without those apostrophes. Tables from
elsewhere have no such column, and are read as they are.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

MARK = "fmn_apostrophes"
"""Column of a table that is read again, there only where a cell was changed: "yes" in the rows that have such cells."""

_SIGN = r"(\s*[=+\-@＝＋－＠]|[\t\r\n])"
_FORMULA = re.compile(f"'*{_SIGN}")  # what has an apostrophe already gets another: so it can be taken off again
_CHANGED = re.compile(f"'+{_SIGN}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def harmless(value: object) -> object:
    """A cell as a spreadsheet may see it: a text that would be a formula has an apostrophe before it."""
    risky = isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if risky else value


def as_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], newline: str = "\r\n", read_again: bool = False
) -> str:
    """A table as CSV with `harmless` cells. None and a column that a row lacks are empty there.

    read_again: with the column `MARK` where a cell was changed, for `as_meant`. ValueError: a row has other columns.
    """
    names, heads, lines = list(columns), [str(harmless(name)) for name in columns], []
    changed = heads != names
    for row in rows:
        line = {name: harmless(value) for name, value in row.items()}
        if read_again and line != row:
            line[MARK], changed = "yes", True
        lines.append(line)
    if read_again and changed:
        names, heads = [*names, MARK], [*heads, MARK]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=newline).writerow(heads)
    csv.DictWriter(text, names, lineterminator=newline).writerows(lines)
    return text.getvalue()


def as_meant(row: Mapping[str, str]) -> dict[str, str]:
    """A row (column -> text) of a table that was read, without the apostrophes of `as_csv` and without its `MARK`."""
    if MARK not in row:
        return dict(row)
    changed = row[MARK] == "yes"
    return {_meant(name): _meant(text) if changed else text for name, text in row.items() if name != MARK}


def columns_meant(columns: Sequence[str]) -> list[str]:
    """The same for the columns' names."""
    return [_meant(name) for name in columns if name != MARK] if MARK in columns else list(columns)


def _meant(text: str) -> str:
    return text[1:] if _CHANGED.match(text) else text
