"""`fmn-eval --held-out-classes`: categories left out of the fitting and enrolled afterwards, as a table."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path


def show_new_categories(
    run: Path,
    cache: Path,
    held_out: int,
    seeds: int,
    ks: Sequence[int],
    work: Path | None,
    csv_file: Path | None,
    plot: Path | None,
) -> None:
    """Do the experiment with the settings of `run`, print its table and write what was asked for."""
    import torch

    from fmn.cache import FeatureCache
    from fmn.commands.console import PlainConsole
    from fmn.commands.progress import Bars
    from fmn.printable import printable
    from fmn.retrieval.protocol import DIRECTIONS
    from fmn.train.experiments.new_categories import PROTOCOL, draw, new_categories, table, write_csv
    from fmn.train.settings import settings_of_run

    torch.set_num_threads(1)  # as fmn-train: the steps are small
    reading, settings, encoders = settings_of_run(run)
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fmn-new-categories-")))
        bars = stack.enter_context(Bars())
        found = new_categories(
            FeatureCache(cache), reading, settings, encoders, held_out, folder, seeds=seeds, ks=ks, say=bars.say
        )
    console = PlainConsole()
    for direction in DIRECTIONS:
        console.print(table(found, direction))
    console.print(PROTOCOL)
    for warning in found.warnings:
        console.print(printable(f"Warning: {warning}"))
    if csv_file:
        write_csv(found, csv_file)
    if plot:
        draw(found, plot, 10 if 10 in ks else ks[-1])
