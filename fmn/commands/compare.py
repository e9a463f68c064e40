"""fmn-compare: a feature cache in, the table of all systems out."""

import shlex
from pathlib import Path
from typing import Any

import click

from fmn.commands.evaluate import parse_ks
from fmn.commands.log import counted, log_option
from fmn.commands.many_fittings import WIDTH, of_many_fittings
from fmn.commands.progress import Bars
from fmn.commands.shell import command


@command("fmn-compare")
@of_many_fittings("compare")
@click.option("--seeds", default=5, show_default=True, help="Final runs of each system whose fitting has chance in it.")
@click.option("--only", default="", help="Names of rows with commas, such as CCA,FMN.  [default: all]")
@click.option("--recall", default="1,10,25", show_default=True, help="The k of hit rate and recall, with commas.")
@log_option
@click.pass_context
def main(
    context: click.Context,
    /,
    cache: Path,
    seeds: int,
    only: str,
    out: Path,
    recall: str,
    quiet: bool,
    **fitting: Any,
) -> None:
    """Fit and judge the FMN and all that it is compared with (CCA, VM-Net, SM and others) on the split of CACHE.

    Every system has equally many candidates, chosen on a validation part of the train split; only the chosen one sees
    the test split, once a seed. An interrupted comparison goes on when it is typed again. Exit code 1 if a row is
    missing.
    """
    from fmn.cache import FeatureCache
    from fmn.commands.console import PlainConsole, piped
    from fmn.printable import printable
    from fmn.train.experiments.comparison import compare
    from fmn.train.experiments.comparison_report import render

    ks = parse_ks(recall)
    with Bars(quiet) as bars:
        again = shlex.join(["fmn-compare", str(cache), "--out", str(out)])
        bars.say(f"Comparing in {out}. If it is interrupted, {again} with the same options goes on.")
        comparison = compare(
            FeatureCache(cache),
            out,
            only=[name.strip() for name in only.split(",")] if only else [],
            seeds=seeds,
            ks=ks,
            watcher=bars,
            **fitting,
        )
    counted(
        out=str(out),
        rows=[row.name for row in comparison.shown],
        best=comparison.best.name if comparison.best else None,
        failed={row.name: row.error for row in comparison.failed},
        warnings=list(comparison.warnings),
    )
    console = PlainConsole(piped(WIDTH))
    console.print(render(comparison), crop=False)
    written = f"Written to {out}: table.csv, summary.csv, table.tex, table.png and the runs SYSTEM/seed-N."
    console.print(printable(written))
    if comparison.failed:
        context.exit(1)
