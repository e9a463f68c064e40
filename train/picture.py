"""Pictures on disk: whole or not at all."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_picture(figure: "Figure", path: Path, **options: Any) -> None:
    """Write a figure as PNG, atomically, and close it. `options` go to `Figure.savefig`."""
    from matplotlib import pyplot

    temporary = path.with_name(f".{path.stem}.{os.getpid()}.png")
    figure.savefig(temporary, dpi=120, **options)
    pyplot.close(figure)
    os.replace(temporary, path)
