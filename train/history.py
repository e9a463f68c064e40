"""What happened, epoch by epoch: `history.csv` and `curve.png` in the run; and how any picture here is drawn."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmn.files import replacing
from fmn.printable import printable

HISTORY_FILE, CURVE_FILE = "history.csv", "curve.png"
COLUMNS = ("epoch", "loss", "matching", "triplet", "ranking", "slots", "validation_mAP", "seconds")


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the epochs as CSV, atomically. Each row has the keys of COLUMNS."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        writer.writerows({key: _short(row[key]) for key in COLUMNS} for row in history)


def draw_curve(path: Path, history: Sequence[Mapping[str, float]], best_epoch: int) -> None:
    """Draw losses and validation mAP over the epochs as PNG; the kept epoch is marked."""
    epochs = [row["epoch"] for row in history]
    with picture(path, 2, 1, figsize=(7, 6), sharex=True) as (upper, lower):
        for name, style in (("loss", "-"), ("matching", "--"), ("triplet", ":"), ("ranking", "-.")):
            upper.plot(epochs, [row[name] for row in history], style, label=name)
        upper.set_ylabel("training loss")
        upper.legend()
        lower.plot(epochs, [100 * row["validation_mAP"] for row in history], label="validation mAP, both directions")
        lower.axvline(best_epoch, color="grey", linestyle="--", label=f"kept: epoch {best_epoch}")
        lower.set_ylabel("mAP (%)")
        lower.set_xlabel("epoch")
        lower.legend()


def drawn(text: str) -> str:
    """A text for a picture as it is: dollar signs in it are no formula."""
    return printable(text).replace("$", r"\$")


@contextmanager
def picture(path: Path, *grid: int, tight: bool = False, **options: Any) -> Iterator[Any]:
    """The axes of a new figure, which is written to `path` as PNG, whole or not at all, when the block ends well.

    Args:
        path: of the file.
        grid: rows and columns of axes.
        tight: cut the picture to what is drawn, outside the figure too.
        options: of `pyplot.subplots`.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(*grid, layout="constrained", **options)
    try:
        yield axes
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=120, bbox_inches="tight" if tight else None)
    finally:
        pyplot.close(figure)


def _short(value: float) -> str | int:
    return value if isinstance(value, int) else f"{value:.6g}"
