"""fmn-demo: the whole line on a drawn and spoken kitchen, ending in a table and a page to look at."""

import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo
from fmn.errors import InputError
from fmn.install import hint
from fmn.stopping import Stopped
from fmn.workers import cores


@dataclass(frozen=True)
class Size:
    """How large a demonstration is. None: what fmn-extract does by itself.

    videos, utterances: items a category, of which the test part is three in ten. short_side, crop: pixels. window:
    frames, at fps frames a second. units: of the Bi-LSTM, each way.
    """

    videos: int
    utterances: int
    short_side: int
    crop: int
    window: int | None = None
    fps: float | None = None
    units: int | None = None


# 28 recordings and not fewer: a pass of the Bi-LSTM goes over 256 variants at least, and so many are fitted on.
SMALL = Size(videos=15, utterances=28, short_side=72, crop=64, window=32, fps=12.5, units=256)
FULL = Size(videos=24, utterances=40, short_side=128, crop=112)
CATEGORIES = 20


@command("fmn-demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-data"), show_default=True, help="Folder.")
@click.option("--seed", default=0, show_default=True, help="Of the drawn set.")
@click.option(
    "--full", is_flag=True, help="The sizes of docs/results: larger frames and networks, three times as long."
)
@click.option("--videos", type=int, help=f"Clips a category.  [default: {SMALL.videos}; full: {FULL.videos}]")
@click.option(
    "--utterances", type=int, help=f"Recordings a category.  [default: {SMALL.utterances}; full: {FULL.utterances}]"
)
def main(out: Path, seed: int, full: bool, **counts: int | None) -> None:
    """Draw and speak a kitchen set, extract, train, evaluate, and write a page that shows what is found.

    20 categories as in the paper; the scenes, voices and sentences of the test part are not in the train part.
    """
    from fmn.demo.kitchen import make_kitchen

    if out.exists() and not (out.is_dir() and ((out / "kitchen").is_dir() or not any(out.iterdir()))):
        raise InputError(
            f"The demonstration wants a folder of its own, and {out} holds something else. Name a new or an empty one "
            "as --out."
        )
    began = time.monotonic()
    size = replace(FULL if full else SMALL, **{name: count for name, count in counts.items() if count is not None})
    if not out.exists():
        echo(f"The demonstration takes about {minutes(size):.0f} minutes on this machine.", err=True)
    with Bars() as bars:
        kitchen = make_kitchen(out / "kitchen", seed, size.videos, size.utterances, watcher=bars)
    cache, run, manifest = out / "cache", out / "runs" / f"seed-{seed}", ("--manifest", str(kitchen.manifest))
    audio: tuple[str, ...] = ()
    video = ("--video-weights", "random:0", "--flow", "dis")  # an untrained I3D needs no download
    if size.units:
        voice = out / "voice" / "bilstm.safetensors"
        audio = ("--audio-weights", str(voice))
        if not voice.is_file():
            _run("fmn-finetune", "audio", *manifest, "--units", str(size.units), "--out", str(voice.parent))
    sizes = {"--short-side": size.short_side, "--crop": size.crop, "--window": size.window, "--fps": size.fps}
    frames = [word for name, value in sizes.items() if value for word in (name, str(value))]
    _run("fmn-extract", *manifest, "--cache", str(cache), *video, *frames, *audio)
    if not _finished(run):
        _run("fmn-train", str(cache), "--run", str(run))
    table = ("--json", str(out / "recall.json"), "--csv", str(out / "recall.csv"))
    _run("fmn-eval", "--recall", "1,10,25", "--cache", str(cache), "--run", str(run), *table)
    page = _write_page(out, cache, run)
    click.echo()
    echo(f"{time.monotonic() - began:.0f} s in all. See and hear what is found: open {page}")
    speech = next((out / "kitchen" / "audio").glob("*/*.wav"), None)
    if speech is not None:
        echo(f"Ask it something: fmn-search {speech} --cache {cache} --run {run}")


def minutes(size: Size) -> float:
    """How long it will take here: a window and a step of the two networks that take longest are tried, on all cores."""
    import torch

    from fmn.device import pick_device
    from fmn.extract.fitting.bilstm import LEAST_VARIANTS, FitSettings
    from fmn.extract.networks.bilstm import untrained
    from fmn.extract.networks.i3d import random_stream
    from fmn.extract.networks.i3d_fast import FastI3d, inference_dtype

    how = FitSettings() if size.units is None else FitSettings(units=size.units)
    i3d = FastI3d(random_stream("rgb", 0, 1), pick_device("auto"))
    clip = torch.zeros(1, i3d.in_channels, size.window or 64, size.crop, size.crop)
    bilstm = untrained(0, how.units, how.stack)
    spoken = torch.zeros(how.batch, 65, bilstm.input_dim * how.stack), torch.full((how.batch,), 65)  # 2.6 s each

    def fit() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=inference_dtype(torch.device("cpu")) == torch.bfloat16):
            bilstm(*spoken).sum().backward()

    window, step = _seconds(lambda: i3d.features(clip).cpu()), _seconds(fit)
    clips, recordings = CATEGORIES * size.videos, CATEGORIES * size.utterances
    steps = how.epochs * max(LEAST_VARIANTS, recordings / 2) / how.batch
    # Two streams and their flow; drawing, decoding and speaking; the commands' starts, the training and the tables.
    return (2.2 * clips * window + 1.2 * steps * step + (0.4 * clips + 0.1 * recordings) / cores() + 60) / 60


def _seconds(task: Callable[[], object]) -> float:
    """What the task takes when it is done a second time: the first one warms up."""
    task()
    began = time.monotonic()
    task()
    return time.monotonic() - began


def _run(name: str, *arguments: str) -> None:
    """One of the commands, as typed; its words go straight to the terminal."""
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if program is None:
        raise InputError(f"The demonstration runs {name}, which is not installed here: {hint()}")
    click.echo(err=True)
    echo(f"$ {shlex.join([name, *arguments])}", err=True)
    with subprocess.Popen([program, *arguments]) as process:
        try:
            code = process.wait()
        except Stopped as stopped:
            if stopped.number == signal.SIGTERM:  # a terminal tells Ctrl-C to all by itself
                process.terminate()
            process.wait()  # it says for itself what it keeps
            raise
    if code:
        raise InputError(f"{name} ended with exit code {code}; what it said stands above.")


def _finished(run: Path) -> bool:
    from fmn.retrieval.store import RUN_FILE, read_run

    return (run / RUN_FILE).is_file() and read_run(run).get("status") == "finished"


def _write_page(out: Path, cache: Path, run: Path) -> Path:
    from fmn.cache import FeatureCache
    from fmn.retrieval import load
    from fmn.retrieval.protocol import evaluate_cache
    from fmn.retrieval.report import summary_rows
    from fmn.retrieval.results_page import showcase, write_page

    features, retriever = FeatureCache(cache), load(run)
    rows = summary_rows(evaluate_cache(features, retriever))
    page = out / "page.html"
    write_page(page, showcase(features, retriever), "What the demonstration finds", rows, features.warnings())
    return page
