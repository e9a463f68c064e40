"""fmn-finetune: the encoders, fitted further on the train split."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import echo, group
from fmn.extract.media.flow_methods import CHOICES
from fmn.workers import cores

if TYPE_CHECKING:
    from fmn.extract.finetune import MediaSet
    from fmn.extract.fitting.video_fit import VideoFit

FOLDER = click.Path(path_type=Path)


@group("fmn-finetune")
def main() -> None:
    """Fit an encoder on the train split: the same folders, --train and --seed as fmn-extract, so the same split."""


def _of_a_set(function: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments that say which items, given as `media`, and the options that both encoders have."""

    @wraps(function)
    def fit(
        videos: Path | None, audio: Path | None, manifest: Path | None, share: float, workers: int | None, **given: Any
    ) -> None:
        from fmn.extract.finetune import MediaSet

        media = MediaSet(videos, audio, manifest, share, given["seed"])
        function(media=media, workers=cores() if workers is None else workers, **given)

    decorated: Callable[..., Any] = fit
    for option in (
        log_option,
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        click.option(
            "--workers", type=int, help="Local processes that decode; 0: all in this one.  [default: one a core]"
        ),
        click.option("--seed", default=0, show_default=True, help="Of the split and of the fitting."),
        click.option("--train", "share", default=0.7, show_default=True, help="Share of the items that are not test."),
        click.option("--manifest", type=FOLDER, help="CSV of the items, in place of the two folders."),
        click.argument("audio", type=FOLDER, required=False),
        click.argument("videos", type=FOLDER, required=False),
    ):
        decorated = option(decorated)
    return decorated


@main.command("video")
@_of_a_set
@click.option("--out", type=FOLDER, default=Path("fitted-video"), show_default=True, help="Folder of the weights.")
@click.option(
    "--from",
    "begin_from",
    default="kinetics",
    show_default=True,
    help="kinetics, RGB[,FLOW] files, inception:FILE (a 2-D Inception-v1, inflated), or scratch.",
)
@click.option("--flow", type=click.Choice(CHOICES), help="[default: tvl1; from scratch: dis]")
@click.option("--short-side", type=int, help="Short side of a frame, pixels.  [default: 256; from scratch: 72]")
@click.option("--crop", type=int, help="Random square of a frame, pixels.  [default: 224; from scratch: 64]")
@click.option("--window", type=int, help="Frames of a random window.  [default: 64; from scratch: 32]")
@click.option("--fps", type=float, help="Frames a second.  [default: 25; from scratch: 12.5]")
@click.option("--epochs", type=int, help="At most so many passes over the clips.")
@click.option("--batch", type=int, help="Clips a step.")
@click.option("--accumulate", type=int, help="Steps whose gradients make one update.")
@click.option("--learning-rate", type=float, help="The highest one.  [default: 1e-4; from scratch: 1e-3]")
@click.option("--head-factor", type=float, help="Times the learning rate, for the classifier.")
@click.option("--optimiser", type=click.Choice(["adamw", "sgd"]), help="AdamW, or SGD with momentum 0.9.")
@click.option("--weight-decay", type=float)
@click.option("--frozen-until", help="Stages before this one stay as they are, such as Mixed_5b.")
@click.option("--maps", is_flag=True, help="With --frozen-until: run the frozen part once a window; no random crops.")
@click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Whether a mirror image shows the same; not so for writing.  [default: yes]",
)
@click.option("--patience", type=int, help="Epochs without a better validation part before it stops.")
@click.option("--minutes", type=float, help="Bound on both streams together.")
@click.option("--precision", type=click.Choice(["auto", "bf16", "fp32"]), help="auto: bf16 where it is native.")
@click.option("--scratch", type=FOLDER, help="Folder for decoded frames.  [default: in --out]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def video(
    media: "MediaSet",
    workers: int,
    seed: int,
    quiet: bool,
    out: Path,
    begin_from: str,
    scratch: Path | None,
    maps: bool,
    device: str,
    flow: str | None,
    short_side: int | None,
    crop: int | None,
    window: int | None,
    fps: float | None,
    **given: Any,
) -> None:
    """Fit both I3D streams on the clips' labels (or pairs, where there are none)."""
    from dataclasses import replace

    from fmn.extract.finetune import finetune_video
    from fmn.extract.fitting.from_scratch import LEARNING_RATE, SMALL
    from fmn.extract.fitting.i3d_settings import FinetuneSettings
    from fmn.extract.media.two_streams import VideoSettings
    from fmn.extract.weights.i3d_header import read_about

    sizes = {"flow": flow, "short_side": short_side, "crop": crop, "window": window, "fps": fps}
    about = read_about(begin_from.split(",")[0])
    base = SMALL if begin_from == "scratch" else about.shown if about else VideoSettings()
    shown = replace(base, **{name: value for name, value in sizes.items() if value is not None})  # type: ignore[arg-type]
    if begin_from == "scratch":
        given["learning_rate"] = LEARNING_RATE if given["learning_rate"] is None else given["learning_rate"]
    how = FinetuneSettings(seed=seed, **{name: value for name, value in given.items() if value is not None})
    with Bars(quiet) as bars:
        fit = finetune_video(media, out, begin_from, shown, how, bars, workers, device, scratch, maps)
    counted(
        fitted=fit.fitted,
        held_out=fit.held_out,
        left_out=fit.left_out,
        failed=len(fit.failed),
        accuracy=fit.accuracy,
        seconds=round(fit.seconds, 3),
        files=[str(out / f"{name}.safetensors") for name in fit.streams],
    )
    if not quiet:
        _close(fit, out)


@main.command("audio")
@_of_a_set
@click.option("--out", type=FOLDER, default=Path("fitted-audio"), show_default=True, help="Folder of the weights.")
@click.option("--epochs", type=int, help="Passes over the recordings.")
@click.option("--batch", type=int, help="Recordings a step.")
@click.option("--learning-rate", type=float, help="The highest one.")
@click.option("--units", type=int, help="Units each way; a vector has twice as many columns.")
@click.option("--minutes", default=5.0, show_default=True, help="Bound on the fitting.")
def audio_command(
    media: "MediaSet",
    workers: int,
    seed: int,
    quiet: bool,
    out: Path,
    **given: Any,
) -> None:
    """Fit the Bi-LSTM on the recordings' labels, with variants of voice, speed and noise."""
    from fmn.extract.finetune import finetune_audio
    from fmn.extract.fitting.bilstm import FitSettings

    how = FitSettings(seed=seed, **{name: value for name, value in given.items() if value is not None})
    with Bars(quiet) as bars:
        _, warning = finetune_audio(media, out, how, bars, workers)
    counted(files=[str(out / "bilstm.safetensors")], warning=warning)
    if warning:
        echo(f"Warning: {warning}", err=True)
    if not quiet:
        echo(f"Next: fmn-extract ... --audio-weights {out / 'bilstm.safetensors'}")


def _close(fit: "VideoFit", out: Path) -> None:
    from rich import box
    from rich.table import Table

    from fmn.commands.console import PlainConsole
    from fmn.printable import printable

    console = PlainConsole()
    table = Table("stream", box=box.SIMPLE, title=printable(f"I3D, {fit.told.split(',')[0]}"))
    for head in ("epochs", "kept", "validation accuracy %", "at first %"):
        table.add_column(head, justify="right")
    for name, result in fit.streams.items():
        table.add_row(
            name,
            str(len(result.epochs) - 1),
            str(result.best.number),
            "" if result.best.accuracy is None else f"{100 * result.best.accuracy:.1f}",
            "" if result.epochs[0].accuracy is None else f"{100 * result.epochs[0].accuracy:.1f}",
        )
    if fit.accuracy is not None and len(fit.streams) > 1:
        table.add_row("both", "", "", f"{100 * fit.accuracy:.1f}", "")
    console.print(table)
    console.print(
        f"{fit.fitted} clips fitted on, {fit.held_out} held out, chance {100 * fit.chance:.1f} %, {fit.seconds:.0f} s."
    )
    if fit.left_out:
        console.print(f"{fit.left_out} clips were left out, for the minutes did not suffice for them.")
    for name, reason in fit.failed:
        console.print(printable(f"  left out: {name}: {reason}"), soft_wrap=True)
    if fit.shortened:
        console.print(f"{len(fit.shortened)} clips are longer than four windows; they were fitted on their first four.")
    if any(result.cut for result in fit.streams.values()):
        console.print("The fitting was cut at --minutes: the result depends on the speed of this machine.")
    files = ",".join(str(out / f"{name}.safetensors") for name in fit.streams)
    console.print(printable(f"Next: fmn-extract ... --video-weights {files}"), soft_wrap=True)
