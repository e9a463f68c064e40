"""fmn-extract: videos and recordings in, a feature cache out."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo
from fmn.errors import InputError
from fmn.extract.media.flow_methods import CHOICES
from fmn.media import is_url
from fmn.workers import cores

if TYPE_CHECKING:
    from fmn.extract.pipeline import Summary

SHOWN = 20


def folder(text: str) -> Path | str:
    """A folder of this machine, or the address of one in a store."""
    return text if is_url(text) else Path(text)


@command("fmn-extract")
@click.argument("videos", type=folder, required=False)
@click.argument("audio", type=folder, required=False)
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True, help="Cache folder."
)
@click.option("--manifest", type=click.Path(path_type=Path), help="CSV of the items, in place of the two folders.")
@click.option("--video-encoder", default="i3d", show_default=True, help="Video encoder by name (docs/encoders.md).")
@click.option("--audio-encoder", default="bilstm", show_default=True, help="Audio encoder by name (docs/encoders.md).")
@click.option(
    "--video-weights",
    default="auto",
    show_default=True,
    help="auto, a file (i3d: RGB[,FLOW]) or random:SEED. auto: files in $FMN_WEIGHTS, else i3d is tried to fetch, else "
    "fitted here on the train split at small frames, and said; others: else untrained, and said.",
)
@click.option("--audio-weights", default="", help="Weights file. By default bilstm and musimnet are fitted here.")
@click.option(
    "--flow",
    type=click.Choice(["auto", *CHOICES]),
    default="auto",
    show_default=True,
    help="Optical flow. auto: what the weights saw; tvl1 for published ones (about 0.6 s a frame), dis for own ones.",
)
@click.option("--short-side", type=int, help="Short side of a frame, pixels.  [default: the weights'; published: 256]")
@click.option("--crop", type=int, help="Central square of a frame, pixels.  [default: the weights'; published: 224]")
@click.option("--window", type=int, help="Frames of a window.  [default: the weights'; published: 64]")
@click.option("--fps", type=float, help="Frames a second.  [default: the weights'; published: 25]")
@click.option("--train", "train_share", default=0.7, show_default=True, help="Share of the items that are not test.")
@click.option("--seed", default=0, show_default=True, help="Of the split and of all fitting.")
@click.option(
    "--fit-minutes",
    type=float,
    help="Bound on the fitting of each encoder that is fitted here (one pass at least); the result then depends on the "
    "machine.  [default: a fixed amount of work]",
)
@click.option(
    "--item-stall",
    default=300.0,
    show_default=True,
    help="Seconds without a sign of life after which an item is given up.",
)
@click.option(
    "--item-memory",
    default=8.0,
    show_default=True,
    help="GiB that the process of an item may take, its networks included; not with --workers 0.",
)
@click.option("--workers", type=int, help="Local processes; 0: all in this one.  [default: one a core]")
@click.option("--scheduler", default="", help="Of a Dask cluster in place of local workers, tcp://HOST:PORT.")
@click.option("--scheduler-file", type=click.Path(path_type=Path), help="The same, from the scheduler's own file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors and failed items.")
@log_option
@click.pass_context
def main(
    context: click.Context,
    /,
    videos: Path | str | None,
    audio: Path | str | None,
    cache: Path,
    manifest: Path | None,
    train_share: float,
    workers: int | None,
    scheduler: str,
    scheduler_file: Path | None,
    quiet: bool,
    **chosen: str | float | int | None,
) -> None:
    """Extract the features of VIDEOS and AUDIO into a cache.

    Both folders hold one sub-folder a label (videos/pour/1.mp4, audio/pour/a.wav), or files of the same name that
    belong together (videos/1.mp4, audio/1.wav). Without AUDIO the videos' own sound tracks are the recordings.
    A cache that is there is continued: only what is missing is extracted. Exit code 1 if an item failed.
    """
    from fmn.extract.encoders.settings import ExtractSettings
    from fmn.extract.pipeline import extract

    if (scheduler and scheduler_file) or ((scheduler or scheduler_file) and workers is not None):
        raise InputError("Items are done by local --workers, or on one cluster: --scheduler or --scheduler-file.")
    if scheduler and "://" not in scheduler:
        raise InputError(f"A scheduler's address is like tcp://HOST:PORT, got {scheduler!r}.")
    where = {"workers": cores() if workers is None else workers, "scheduler": scheduler or str(scheduler_file or "")}
    settings = ExtractSettings(**chosen, train=train_share, **where)  # type: ignore[arg-type]
    with Bars(quiet) as bars:
        summary = extract(videos, audio, cache, settings, manifest=manifest, watcher=bars)
    counted(
        extracted=dict(summary.extracted),
        reused=dict(summary.reused),
        failed=len(summary.failures),
        set_aside=len(summary.set_aside),
        ignored=summary.ignored,
        repeated=len(summary.repeated),
        media_seconds=round(summary.media_seconds, 3),
        seconds=round(summary.seconds, 3),
        warnings=summary.warnings,
    )
    if not quiet:
        _close(summary)
    if summary.failures:
        for name, modality, reason in summary.failures if quiet else ():
            echo(f"{modality} {name}: {reason}", err=True)
        context.exit(1)


def _close(summary: "Summary") -> None:
    from rich import box
    from rich.table import Table

    from fmn.commands.console import PlainConsole
    from fmn.printable import printable

    console = PlainConsole()
    table = Table("modality", box=box.SIMPLE, title=f"Cache {printable(str(summary.cache))}")
    for head in ("extracted", "there before", "failed"):
        table.add_column(head, justify="right")
    for modality in ("video", "audio"):
        failed = sum(kind == modality for _, kind, _ in summary.failures)
        table.add_row(modality, str(summary.extracted[modality]), str(summary.reused[modality]), str(failed))
    console.print(table)
    console.print(
        f"{summary.seconds:.0f} s for {summary.media_seconds / 60:.1f} minutes of media; "
        f"the cache holds {summary.cache_bytes() / 1e6:.1f} MB."
    )
    if summary.set_aside or summary.ignored:
        named = ", ".join(summary.set_aside[:SHOWN]) + (" ..." if len(summary.set_aside) > SHOWN else "")
        aside = f"{len(summary.set_aside)} media files were set aside ({named}); " if summary.set_aside else ""
        console.print(printable(f"{aside}{summary.ignored} other files were ignored."))
    for warning in summary.warnings:
        console.print(printable(f"Warning: {warning}"))
    inspect = f"`fmn-cache inspect {printable(str(summary.cache))}`"
    if summary.repeated:
        console.print(
            f"{len(summary.repeated)} items have a last window that was filled by repeating frames "
            f"(the cache says which; {inspect})."
        )
    if summary.failures:
        report = shlex.join(["fmn-cache", "failures", str(summary.cache), "--html", "failures.html"])
        console.print(f"{len(summary.failures)} items failed and stand in the cache's failure list:")
        for name, modality, reason in summary.failures[:SHOWN]:
            console.print(printable(f"  {modality} {name}: {reason}"), soft_wrap=True)
        if len(summary.failures) > SHOWN:
            console.print(f"  ... and {len(summary.failures) - SHOWN} more.")
        console.print(printable(f"All of them by reason, and what to do about each: {report}"), soft_wrap=True)
