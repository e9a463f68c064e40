"""fmn-doctor: what this machine has and lacks, and what to do about it."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from fmn.commands.console import PlainConsole, piped
from fmn.commands.shell import command
from fmn.errors import InputError
from fmn.install import hint
from fmn.printable import printable

COLOURS = {"good": "green", "note": "yellow", "trouble": "red"}


@command("fmn-doctor")
@click.option("--cache", type=click.Path(path_type=Path), help="A cache to verify.  [default: ./cache, if it is there]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def main(context: click.Context, cache: Path | None, as_json: bool) -> None:
    """Look at versions, processor and GPU, decoders, weights, extras and a cache, and say what to do.

    Exit code 1 if there is trouble.
    """
    try:
        from fmn.extract.doctor import TROUBLE, look
    except ImportError as error:
        raise InputError(f"A package that fmn needs cannot be imported ({error}). Install it anew: {hint()}.") from None

    here = Path("cache")
    found = list(look(cache or (here if (here / "index.json").is_file() else None)))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1))
    else:
        table = Table(box=box.SIMPLE)
        for head in ("", "what", "found", "what to do"):
            table.add_column(head, overflow="fold")
        for each in found:
            state = Text(each.state, style=COLOURS[each.state])
            table.add_row(state, *map(printable, (each.what, each.found, each.advice)))
        PlainConsole(piped()).print(table)
    if any(each.state == TROUBLE for each in found):
        context.exit(1)
