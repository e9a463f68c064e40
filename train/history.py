"""What happened, epoch by epoch: `history.csv` and `curve.png` in the run."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .picture import save_picture

COLUMNS = ("epoch", "loss", "matching", "triplet", "ranking", "slots", "validation_mAP", "seconds")


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the epochs as CSV, atomically. Each row has the keys of COLUMNS."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        writer.writerows({key: _short(row[key]) for key in COLUMNS} for row in history)
    os.replace(temporary, path)


def draw_curve(path: Path, history: Sequence[Mapping[str, float]], best_epoch: int) -> None:
    """Draw losses and validation mAP over the epochs as PNG; the kept epoch is marked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    epochs = [row["epoch"] for row in history]
    figure, (upper, lower) = pyplot.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    for name, style in (("loss", "-"), ("matching", "--"), ("triplet", ":"), ("ranking", "-.")):
        upper.plot(epochs, [row[name] for row in history], style, label=name)
    upper.set_ylabel("training loss")
    upper.legend()
    lower.plot(epochs, [100 * row["validation_mAP"] for row in history], label="validation mAP, both directions")
    lower.axvline(best_epoch, color="grey", linestyle="--", label=f"kept: epoch {best_epoch}")
    lower.set_ylabel("mAP (%)")
    lower.set_xlabel("epoch")
    lower.legend()
    save_picture(figure, path)


def _short(value: float) -> str | int:
    return value if isinstance(value, int) else f"{value:.6g}"
