"""fmn-demo: the whole line on a drawn and spoken kitchen, ending in a table and a page to look at."""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from fmn.commands.progress import Bars
from fmn.commands.shell import command
from fmn.errors import InputError
from fmn.install import hint

# Small frames and an untrained I3D: it needs no download, and the whole line ends in minutes on two cores.
EXTRACT = ("--video-weights", "random:0", "--flow", "dis", "--short-side", "128", "--crop", "112")


@command("fmn-demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-data"), show_default=True, help="Folder.")
@click.option("--seed", default=0, show_default=True, help="Of the drawn set and of the training.")
@click.option("--videos", default=24, show_default=True, help="Clips a category.")
@click.option("--utterances", default=40, show_default=True, help="Recordings a category.")
def main(out: Path, seed: int, videos: int, utterances: int) -> None:
    """Draw and speak a kitchen set, extract, train, evaluate, and write a page that shows what is found.

    20 categories as in the paper; the scenes, voices and sentences of the test part are not in the train part.
    """
    from fmn.demo.kitchen import make_kitchen

    began = time.monotonic()
    with Bars() as bars:
        kitchen = make_kitchen(out / "kitchen", seed=seed, videos=videos, utterances=utterances, watcher=bars)
    cache, run = out / "cache", out / "runs" / f"seed-{seed}"
    _run("fmn-extract", "--manifest", str(kitchen.manifest), "--cache", str(cache), *EXTRACT)
    if not _finished(run):
        _run("fmn-train", str(cache), "--run", str(run), "--seed", str(seed))
    table = ("--json", str(out / "recall.json"), "--csv", str(out / "recall.csv"))
    _run("fmn-eval", "--recall", "1,10,25", "--cache", str(cache), "--run", str(run), *table)
    page = _write_page(out, cache, run)
    click.echo(f"\n{time.monotonic() - began:.0f} s in all. See and hear what is found: open {page}")
    speech = next((out / "kitchen" / "audio").glob("*/*.wav"), None)
    if speech is not None:
        click.echo(f"Ask it something: fmn-search {speech} --cache {cache} --run {run}")


def _run(name: str, *arguments: str) -> None:
    """One of the three commands, as typed; its words go straight to the terminal."""
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if program is None:
        raise InputError(f"The demonstration runs {name}, which is not installed here: {hint()}")
    click.echo(f"\n$ {shlex.join([name, *arguments])}", err=True)
    code = subprocess.run([program, *arguments], check=False).returncode
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
