"""The table for a paper: LaTeX with booktabs, the protocol in the caption."""

from fmn.retrieval.protocol import DIRECTIONS

from .statistics import Estimate
from .table import Comparison, Row, protocol_lines

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


def escape(text: str) -> str:
    """Any text as LaTeX shows it; a line break becomes a space."""
    return "".join(_ESCAPES.get(sign, sign) for sign in " ".join(text.split()))


def latex(comparison: Comparison) -> str:
    """A `table` with recall at k of both directions in percent, mean +- standard deviation over seeds."""
    count = len(comparison.ks)
    heads = " & ".join(rf"\multicolumn{{{count}}}{{c}}{{{_direction(name)}}}" for name in DIRECTIONS)
    rules = " ".join(rf"\cmidrule(lr){{{start}-{start + count - 1}}}" for start in (2, 2 + count))
    depths = " & ".join(f"R@{k}" for _ in DIRECTIONS for k in comparison.ks)
    lines = [f"% {' '.join(warning.split())}" for warning in comparison.warnings]
    lines += [f"% {row.system.name}: {' '.join(row.error.split())}" for row in comparison.failed]
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
    name = escape(row.system.name)
    if row is comparison.best:
        name, cells = rf"\textbf{{{name}}}$^\ast$", [rf"\textbf{{{cell}}}" for cell in cells]
    return rf"{name} & {' & '.join(cells)} \\"


def _cell(found: Estimate) -> str:
    return f"{100 * found.mean:.2f}" + (rf"$\pm${100 * found.std:.2f}" if found.n > 1 else "")


def _direction(name: str) -> str:
    return escape(name).replace(r"-\textgreater{}", r"$\rightarrow$")


def _caption(comparison: Comparison) -> str:
    audio = comparison.facts["encoders"]["audio"]
    own = [f"{row.system.name}: {row.encoders['audio']}" for row in comparison.shown if row.encoders["audio"] != audio]
    parts = ["Recall in percent.", *protocol_lines(comparison)]
    parts += [f"Audio features of {', '.join(own)}."] if own else []
    parts += ["* marks the row with the highest mAP.", *comparison.statements()]
    parts += [f"Warning: {warning}" for warning in comparison.warnings]
    return " ".join(parts)
