"""The table as a picture."""

import textwrap
from pathlib import Path

from fmn.retrieval.protocol import DIRECTIONS

from ..picture import save_picture
from .table import Comparison, Measure, Row

MARKS = "osD^vP*X"  # a k is told by its mark too, not by its colour alone
TINT = "C{}"
WRAP = 220  # letters of a warning in a line: the width of the panels


def draw(comparison: Comparison, path: Path) -> None:
    """PNG, a panel a direction: recall at k of every row with its standard deviation, chance dotted, ceiling dashed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = comparison.shown
    figure, panels = pyplot.subplots(
        1, 2, figsize=(12, 2.4 + 0.4 * len(rows)), sharey=True, layout="constrained", squeeze=False
    )
    for axes, direction in zip(panels[0], DIRECTIONS, strict=True):
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
    panels[0][0].set_yticks(range(len(rows)), [_name(comparison, row) for row in rows])
    panels[0][0].invert_yaxis()
    panels[0][1].legend(loc="best", fontsize=8)
    said = "\n".join(textwrap.fill(f"Warning: {warning}", WRAP) for warning in comparison.warnings[:2])
    figure.text(0.01, -0.02, said, fontsize=7, verticalalignment="top")
    save_picture(figure, path, bbox_inches="tight")


def _name(comparison: Comparison, row: Row) -> str:
    return f"{row.system.name} *" if row is comparison.best else row.system.name
