"""fmn-speak: utterances for a set of clips, and the manifest of both."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo
from fmn.errors import InputError

if TYPE_CHECKING:
    from fmn.speech.make import Spoken

SHOWN = 20


@command("fmn-speak")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("audio"), show_default=True, help="Folder.")
@click.option("--per-label", type=int, help="Utterances a label, for train and test.  [default: 50]")
@click.option("--per-clip", type=int, help="Utterances a clip instead, each with the clip's pair and split.")
@click.option("--train", default=0.7, show_default=True, help="Share for training, where the split is not given.")
@click.option("--seed", default=0, show_default=True, help="Of speakers, sentences, rooms and split.")
@click.option(
    "--format", "ending", type=click.Choice(["wav", "flac"]), default="wav", show_default=True, help="Of files."
)
@click.option("--workers", type=int, help="Processes.  [default: one a core]")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and what could not be spoken.")
@log_option
@click.pass_context
def main(
    context: click.Context,
    manifest: Path,
    out: Path,
    per_label: int | None,
    per_clip: int | None,
    train: float,
    seed: int,
    ending: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Speak utterances for the clips of MANIFEST, by synthetic voices (espeak-ng) in rooms and noise.

    MANIFEST is a CSV as for fmn-extract --manifest, or a folder with one sub-folder of clips a label. What is said: the
    column text, else a sentence from action, subject and receptacle, else one from the label. No speaker is in both
    train and test. The new manifest lists the clips and the recordings. A run that was interrupted goes on when it is
    started again. Exit code 1 if something could not be spoken.
    """
    from fmn.speech.clips import read_clips
    from fmn.speech.make import make_speech
    from fmn.speech.plan import PlanSettings, make_plan
    from fmn.workers import cores

    if per_label is not None and per_clip is not None:
        raise InputError(f"Utterances are a label or a clip: got --per-label {per_label} and --per-clip {per_clip}.")
    if per_clip == 0:
        raise InputError("The utterances a clip are 1 to 100, not 0.")
    given = {"per_label": per_label, "per_clip": per_clip}
    settings = PlanSettings(
        **{name: value for name, value in given.items() if value is not None}, train=train, seed=seed, format=ending
    )
    plan = make_plan(read_clips(manifest), settings)
    with Bars(quiet) as bars:
        for notice in plan.notices:
            bars.say(notice)
        spoken = make_speech(plan, out, cores() if workers is None else workers, bars)
    counted(manifest=str(spoken.manifest), made=spoken.made, reused=spoken.kept, failed=len(spoken.failures))
    if not quiet:
        _close(spoken)
    for name, reason in spoken.failures[:SHOWN]:
        echo(f"{name}: {reason}", err=True)
    if len(spoken.failures) > SHOWN:
        echo(f"... and {len(spoken.failures) - SHOWN} more.", err=True)
    if spoken.failures:
        echo(f"{len(spoken.failures)} could not be spoken and were set aside.", err=True)
        context.exit(1)


def _close(spoken: "Spoken") -> None:
    from rich import box
    from rich.table import Table

    from fmn.commands.console import PlainConsole
    from fmn.printable import printable

    table = Table("split", box=box.SIMPLE, title=f"Recordings in {printable(str(spoken.folder))}")
    for head in ("labels", "utterances", "speakers", "minutes"):
        table.add_column(head, justify="right")
    for split in (*sorted({each.split for each in spoken.utterances}, key=("train", "val", "test").index), None):
        found = [each for each in spoken.utterances if split in (None, each.split)]
        labels, voices = {each.label for each in found} - {""}, {each.voice for each in found}
        counts = [len(labels), len(found), len(voices), f"{spoken.minutes(split):.1f}"]
        table.add_row(split or "all", *map(str, counts))
    console = PlainConsole()
    console.print(table)
    console.print(f"{spoken.made} made now, {spoken.kept} there before.")
    following = shlex.join(["fmn-extract", "--manifest", str(spoken.manifest)])
    console.print(printable(f"Next: {following}"), soft_wrap=True)
