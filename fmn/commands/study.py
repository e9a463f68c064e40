"""fmn-study: which parts of the FMN earn their place, measured on the validation part."""

import shlex
from pathlib import Path
from typing import Any

import click

from fmn.commands.log import counted, log_option
from fmn.commands.many_fittings import WIDTH, of_many_fittings
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo


@command("fmn-study")
@of_many_fittings("study")
@click.option("--seeds", default=5, show_default=True, help="Fittings a variant.")
@click.option("--only", default="", help="Factors with commas, such as 'exponent beta,slots'.  [default: all]")
@log_option
@click.pass_context
def main(
    context: click.Context,
    /,
    cache: Path,
    out: Path,
    seeds: int,
    only: str,
    quiet: bool,
    **fitting: Any,
) -> None:
    """Change one thing of the FMN at a time and measure it on the validation part of CACHE's train split.

    The exponent of eq. 3, paired or independent banks, what is written, X, T1, T2, weight, negatives, common space and
    so on. The test split is not touched. An interrupted study goes on when it is typed again.
    """
    from fmn.cache import FeatureCache
    from fmn.commands.console import PlainConsole, piped
    from fmn.train.experiments.study import chosen_variants, study
    from fmn.train.experiments.study_table import render, write_files

    variants = chosen_variants(only)
    with Bars(quiet) as bars:
        again = shlex.join(["fmn-study", str(cache), "--out", str(out)])
        bars.say(f"Studying in {out}. If it is interrupted, {again} with the same options goes on.")
        found = study(FeatureCache(cache), out, variants=variants, seeds=seeds, watcher=bars, **fitting)
    write_files(found, out)
    errors = {row.variant.name: row.error for row in found.rows if row.error}
    counted(out=str(out), rows=len(found.rows), failed=errors, warnings=found.warnings)
    PlainConsole(piped(WIDTH)).print(render(found))
    echo(f"Written to {out}: study.csv and study.png.")
    if errors:
        context.exit(1)
