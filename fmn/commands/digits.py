"""fmn-digits: videos of handwritten digits for a folder of spoken ones, and the manifest of both."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo

if TYPE_CHECKING:
    from fmn.demo.digits import DigitSet


@command("fmn-digits")
@click.argument("speech", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("digits-data"), show_default=True, help="Folder.")
@click.option("--videos", default=60, show_default=True, help="Clips a digit.")
@click.option("--train", default=2 / 3, show_default="2/3", help="Share of the clips that is for training.")
@click.option("--utterances", default=0, show_default=True, help="Recordings a digit; 0: all that are there.")
@click.option("--seed", default=0, show_default=True, help="Of pages, pens, cameras and choices.")
@click.option(
    "--test-speaker", "speakers", multiple=True, default=("theo", "yweweler"), show_default=True, help="One or more."
)
@click.option("--workers", type=int, help="Processes.  [default: one a core]")
@log_option
def main(
    speech: Path,
    out: Path,
    videos: int,
    train: float,
    utterances: int,
    seed: int,
    speakers: tuple[str, ...],
    workers: int | None,
) -> None:
    """Draw handwritten digits being written, for the spoken digits in the folder SPEECH.

    SPEECH holds the recordings of the Free Spoken Digit Dataset, such as 7_theo_12.wav; they stay where they are. The
    handwriting is scikit-learn's. The test part has other speakers, other handwritten images, other pages and colours.
    A run that was interrupted goes on when it is started again.
    """
    from fmn.demo.digits import make_digits
    from fmn.workers import cores

    with Bars() as bars:
        made = make_digits(
            out,
            speech,
            seed=seed,
            videos=videos,
            utterances=utterances,
            train=train,
            test_speakers=speakers,
            workers=cores() if workers is None else workers,
            watcher=bars,
        )
    counted(manifest=str(made.manifest), made=made.made, reused=made.reused)
    _close(made)


def _close(made: "DigitSet") -> None:
    echo(f"{made.manifest}: {made.made} videos drawn now, {made.reused} there before.")
    for part, names in made.speakers.items():
        echo(f"  {part}: {made.videos[part]} videos, {made.utterances[part]} recordings of {', '.join(names)}")
    if made.others:
        verb = "file was" if made.others == 1 else "files were"
        echo(f"{made.others} {verb} passed over: not named like 7_theo_12.wav.")
    cache = str(made.path / "cache")
    echo("Next:")
    echo(f"  {shlex.join(['fmn-extract', '--manifest', str(made.manifest), '--cache', cache])}")
    echo(f"  {shlex.join(['fmn-compare', cache])}")
