"""What a comparison leaves beside its runs: table.csv, summary.csv, table.tex (LaTeX with booktabs, the protocol in the
caption) and table.png."""

import json
import textwrap
from pathlib import Path
from typing import Any

from fmn.files import write_durably
from fmn.printable import printable
from fmn.retrieval.protocol import DIRECTIONS

from ..history import drawn, picture
from .experiment_folder import listing, write_csv
from .findings import Comparison, Estimate, Measure, Row, protocol_lines

FILES = ("table.csv", "summary.csv", "table.tex", "table.png")
LEVELS = ("chance", "ceiling")
MARKS = "osD^vP*X"  # a k is told by its mark too, not by its colour alone
TINT = "C{}"
WRAP = 220  # letters of a warning in a line: the width of the panels
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
} | {sign: f"\\{sign}" for sign in "$&#_%"}


def write_files(comparison: Comparison, out: Path) -> None:
    """Write all of them into an existing folder, each atomically."""
    warnings = " | ".join(comparison.warnings)
    with listing(out, FILES):
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
    return {
        "system": row.system.name,
        "fitted on": row.part,
        **encoders,
        "setting": setting,
        "note": row.note,
        "reference": row.system.source,
    }


def _levels(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"system": name, **{each.name: comparison.level(each, name) for each in comparison.all_measures()}}
        for name in LEVELS
    ]


def draw(comparison: Comparison, path: Path) -> None:
    """PNG, a panel a direction: recall at k of every row with its standard deviation, chance dotted, ceiling dashed."""
    rows = comparison.shown
    with picture(path, 1, 2, tight=True, figsize=(12, 2.4 + 0.4 * len(rows)), sharey=True) as panels:
        for axes, direction in zip(panels, DIRECTIONS, strict=True):
            for n, k in enumerate(comparison.ks):
                measure, colour = Measure("recall", direction, k), TINT.format(n % 10)
                found = [row.mean(measure) for row in rows]
                axes.errorbar(
                    [100 * each.mean for each in found],
                    range(len(rows)),
                    xerr=[100 * each.std if each.n > 1 else 0 for each in found],
                    fmt=MARKS[n % len(MARKS)],
                    color=colour,
                    capsize=3,
                    label=f"R@{k}",
                )
                for level, style in (("chance", ":"), ("ceiling", "--")):
                    axes.axvline(100 * comparison.level(measure, level), color=colour, linestyle=style, linewidth=1)
            axes.set_title(direction)
            axes.set_xlabel("recall (%): mean and standard deviation over seeds; dotted: chance, dashed: ceiling")
            axes.xaxis.label.set_size(8)
            axes.set_xlim(left=0)
            axes.grid(axis="x", alpha=0.2)
        names = [drawn(f"{row.name} *" if row is comparison.best else row.name) for row in rows]
        panels[0].set_yticks(range(len(rows)), names)
        panels[0].invert_yaxis()
        panels[1].legend(loc="best", fontsize=8)
        said = "\n".join(textwrap.fill(drawn(f"Warning: {warning}"), WRAP) for warning in comparison.warnings[:2])
        panels[0].figure.text(0.01, -0.02, said, fontsize=7, verticalalignment="top")


def escape(text: str) -> str:
    """Any text as LaTeX shows it; a line break becomes a space."""
    return "".join(_ESCAPES.get(sign, sign) for sign in printable(" ".join(text.split())))


def latex(comparison: Comparison) -> str:
    """A `table` with recall at k of both directions in percent, mean +- standard deviation over seeds."""
    count = len(comparison.ks)
    heads = " & ".join(rf"\multicolumn{{{count}}}{{c}}{{{_direction(name)}}}" for name in DIRECTIONS)
    rules = " ".join(rf"\cmidrule(lr){{{start}-{start + count - 1}}}" for start in (2, 2 + count))
    depths = " & ".join(f"R@{k}" for _ in DIRECTIONS for k in comparison.ks)
    lines = [f"% {_line_of(warning)}" for warning in comparison.warnings]
    lines += [f"% {_line_of(f'{row.name}: {row.error}')}" for row in comparison.failed]
    lines += [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(_caption(comparison))}}}",
        rf"\begin{{tabular}}{{l{'r' * 2 * count}}}",
        r"\toprule",
        rf"& {heads} \\",
        rules,
        rf"System & {depths} \\",
        r"\midrule",
        *(_line(comparison, row) for row in comparison.shown),
        r"\midrule",
    ]
    for name in ("ceiling", "chance"):
        values = [f"{100 * comparison.level(measure, name):.2f}" for measure in comparison.measures("recall")]
        lines.append(rf"{name} & {' & '.join(values)} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _line(comparison: Comparison, row: Row) -> str:
    cells = [_cell(row.mean(measure)) for measure in comparison.measures("recall")]
    name = escape(row.name)
    if row is comparison.best:
        name, cells = rf"\textbf{{{name}}}$^\ast$", [rf"\textbf{{{cell}}}" for cell in cells]
    return rf"{name} & {' & '.join(cells)} \\"


def _line_of(text: str) -> str:
    return printable(" ".join(text.split()))


def _cell(found: Estimate) -> str:
    return f"{100 * found.mean:.2f}" + (rf"$\pm${100 * found.std:.2f}" if found.n > 1 else "")


def _direction(name: str) -> str:
    return escape(name).replace(r"-\textgreater{}", r"$\rightarrow$")


def _caption(comparison: Comparison) -> str:
    audio = comparison.facts["encoders"]["audio"]
    own = [f"{row.name}: {row.encoders['audio']}" for row in comparison.shown if row.encoders["audio"] != audio]
    parts = ["Recall in percent.", *protocol_lines(comparison)]
    parts += [f"Audio features of {', '.join(own)}."] if own else []
    parts += ["* marks the row with the highest mAP.", *comparison.statements()]
    parts += [f"Warning: {warning}" for warning in comparison.warnings]
    return " ".join(parts)
