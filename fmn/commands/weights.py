"""fmn-weights: which published weights there are, fetch them, check them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from fmn.commands.console import PlainConsole, piped
from fmn.commands.shell import echo, group
from fmn.errors import InputError
from fmn.extract.media.flow_methods import METHODS
from fmn.printable import printable

if TYPE_CHECKING:
    import numpy as np

    from fmn.extract.networks.i3d import InceptionI3d
    from fmn.extract.weights.file_report import Checked

TOP = 5


@group("fmn-weights")
def main() -> None:
    """List published weights, fetch them, check what lies here.

    The weights folder is $FMN_WEIGHTS, ~/.cache/fmn/weights by default.
    """


@main.command("list")
def list_command() -> None:
    """Show the known files, and which of them are here."""
    from fmn.extract.weights.file_report import verified
    from fmn.extract.weights.folder import find_known, weights_folder
    from fmn.extract.weights.known import KNOWN, USES

    table = Table(title=f"Known weights; the folder is {printable(str(weights_folder()))}", box=box.SIMPLE)
    for head in ("name", "what it is", "for"):
        table.add_column(head, overflow="fold")
    table.add_column("classes", justify="right")
    for head in ("here", "path"):
        table.add_column(head, overflow="fold")
    for known in KNOWN:
        path = find_known(known)
        here = ("no", known.files[0]) if path is None else (verified(known, path), str(path))
        facts = (known.name, known.what, USES[known.use], str(known.classes or "-"), *here)
        table.add_row(*map(printable, facts))
    PlainConsole(piped()).print(table)
    echo("Fetch by name, such as: fmn-weights fetch i3d-rgb i3d-flow")


@main.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--to", type=click.Path(path_type=Path), help="Another folder than the weights folder.")
@click.option("--patience", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Seconds of silence.")
@click.pass_context
def fetch_command(context: click.Context, names: tuple[str, ...], to: Path | None, patience: float) -> None:
    """Fetch known files by their names in the list; exit 1 if one cannot be had.

    A download that broke off goes on where it stopped. A content is checked before it gets its name.
    """
    from fmn.extract.weights.fetch import NotFetchedError, fetch
    from fmn.extract.weights.known import USES, by_name

    failed = False
    for known in [by_name(name) for name in dict.fromkeys(names)]:
        try:
            with _download_bar(known.name) as progress:
                done = fetch(known, to, patience=patience, progress=progress)
        except NotFetchedError as error:
            failed = True
            echo(str(error), err=True)
            continue
        word = "is here already" if done.already else "fetched"
        proof = "verified" if done.verified else "not verified: no published hash known"
        echo(f"{known.name} {word}: {done.path} ({proof})")
        if known.use != "kinetics":
            echo(f"  {USES[known.use]}")
    context.exit(1 if failed else 0)


@main.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--clip", type=click.Path(path_type=Path), help="A video: print what the weights see in it.")
@click.option("--flow", type=click.Choice(list(METHODS)), help="For --clip.  [default: what the weights saw]")
@click.option(
    "--sample", "samples", multiple=True, type=click.Path(path_type=Path),
    help="A preprocessed clip (.npy), RGB or flow; give it twice for both. The published one is compared.",
)  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.pass_context
def check_command(
    context: click.Context,
    files: tuple[Path, ...],
    clip: Path | None,
    flow: str | None,
    samples: tuple[Path, ...],
    device: str,
) -> None:
    """Say what each of FILES is and whether it can be used; exit 1 if one cannot.

    Without FILES the weights folder is checked. --clip and --sample then run the network, head and all.
    """
    from fmn.device import pick_device
    from fmn.extract.weights.file_report import check_file
    from fmn.extract.weights.folder import files_in, weights_folder

    picked = pick_device(device)
    chosen = list(files) or files_in(weights_folder())
    if not chosen:
        echo(f"There are no weights in {weights_folder()}. Get some: fmn-weights fetch i3d-rgb i3d-flow")
    found = [check_file(path) for path in chosen]
    for checked in found:
        _show_file(checked)
    bad = any(checked.problem for checked in found)
    if clip is not None or samples:
        paths = _i3d_paths(found, given=bool(files))
        if clip is not None:
            _run_clip(clip, paths, flow, picked)
        if samples:
            bad = not _run_samples(samples, _loaded(paths), picked) or bad
    context.exit(1 if bad else 0)


def _show_file(checked: "Checked") -> None:
    from fmn.extract.weights.i3d_file import STREAMS

    rows = []
    if checked.file is not None:
        known = checked.known
        rows.append(("content", f"published: {known.published} ({known.name})" if known else "unknown content"))
        rows += [("sha256", checked.file.sha256), ("git blob", checked.file.git_blob)]
    if checked.seen is not None:
        seen = checked.seen
        rows.append(("layout", seen.layout or "unknown"))
        rows.append(("stream", f"{STREAMS.get(seen.channels, 'unknown')} ({seen.channels} channels)"))
        rows.append(("classes", str(seen.classes or "unknown")))
        rows.append(("parameters", f"{checked.parameters:,}, {'all finite' if checked.finite else 'NOT all finite'}"))
    rows.append(("usable", f"no: {checked.problem}" if checked.problem else checked.stands_for))
    echo(str(checked.path))
    for head, text in rows:
        echo(f"  {head:<11} {text}")


def _i3d_paths(found: Sequence["Checked"], given: bool) -> dict[str, Path]:
    """Stream -> file: of the files that were named, else of those that the extraction would take."""
    from fmn.extract.networks.i3d import CHANNELS
    from fmn.extract.weights.folder import find_i3d

    paths = {} if given else find_i3d(tuple(CHANNELS))
    for checked in found if given else ():
        if checked.seen is not None and not checked.problem and checked.seen.layout != "pytorchvideo":
            stream = "rgb" if checked.seen.channels == CHANNELS["rgb"] else "flow"
            if stream in paths:
                raise InputError(f"One file a stream can be run: {paths[stream]} and {checked.path} are both {stream}.")
            paths[stream] = checked.path
    if not paths:
        raise InputError("There are no usable I3D weights to run: name them, or `fmn-weights fetch i3d-rgb i3d-flow`.")
    return {stream: paths[stream] for stream in CHANNELS if stream in paths}


def _loaded(paths: "Mapping[str, Path]") -> dict[str, "InceptionI3d"]:
    from fmn.extract.networks.i3d import CHANNELS
    from fmn.extract.weights.i3d_file import load_i3d

    return {stream: load_i3d(path, CHANNELS[stream]) for stream, path in paths.items()}


def _run_clip(clip: Path, paths: "Mapping[str, Path]", flow: str | None, device: str) -> None:
    from dataclasses import replace

    from fmn.extract.media.flow_methods import NO_FLOW
    from fmn.extract.media.two_streams import VideoSettings
    from fmn.extract.weights.i3d_header import read_about
    from fmn.extract.weights.i3d_outputs import clip_logits

    about = next((each for path in paths.values() if (each := read_about(path))), None)  # fitted here
    shown = about.shown if about else VideoSettings()
    method = flow or (shown.flow if shown.flow != NO_FLOW else VideoSettings().flow)
    settings = replace(shown, flow=method if "flow" in paths else NO_FLOW)
    networks = _loaded(paths)
    logits = clip_logits(clip, networks, settings, device)
    title = f"What the weights see in {clip}" + (f" (flow: {method})" if "flow" in paths else "")
    _show_top(title, logits, about.classes if about else ())


def _run_samples(samples: Sequence[Path], networks: "Mapping[str, InceptionI3d]", device: str) -> bool:
    """Print the outputs; False where they should be the published ones and are not."""
    import numpy as np

    from fmn.extract.weights.checksums import weights_file
    from fmn.extract.weights.i3d_outputs import agreement, read_sample, sample_logits
    from fmn.extract.weights.known import by_blob

    arrays: dict[str, np.ndarray] = {}
    published = set()
    for path in samples:
        stream, array = read_sample(path)
        if stream in arrays:
            raise InputError(f"One sample a stream can be run: {path} is a second {stream} array.")
        arrays[stream] = array
        known = by_blob(weights_file(path).git_blob)
        if known is not None and known.use == "sample":
            published.add(known.stream)
    logits = sample_logits(arrays, networks, device)
    _show_top(f"What the weights see in {', '.join(map(str, samples))}", logits)
    for stream, each in logits.items():
        echo(f"Norm of logits, {stream}: {np.linalg.norm(each):.6f}")
    if published != {"rgb", "flow"}:
        echo("Nothing to compare with: published are the outputs for i3d-sample-rgb and i3d-sample-flow together.")
        return True
    differs = agreement(logits["rgb + flow"])
    echo(f"NOT the published outputs: {differs}." if differs else "These are the published outputs.")
    return not differs


def _show_top(title: str, logits: "Mapping[str, np.ndarray]", names: Sequence[str] = ()) -> None:
    from fmn.extract.weights.i3d_outputs import kinetics_400, top

    table = Table(title=printable(title), box=box.SIMPLE)
    table.add_column("rank", justify="right")
    guesses = {stream: top(each, TOP) for stream, each in logits.items()}
    for stream in guesses:
        table.add_column({"rgb": "RGB"}.get(stream, stream.replace("rgb", "RGB")), overflow="fold")
        table.add_column("p", justify="right")
        table.add_column("logit", justify="right")
    for rank in range(max(map(len, guesses.values()))):
        cells = []
        for each in guesses.values():
            if rank < len(each):
                guess = each[rank]
                name = names[guess.index] if names else guess.name
                cells += [printable(name), f"{guess.probability:.4f}", f"{guess.logit:.4f}"]
        table.add_row(str(rank + 1), *cells)
    PlainConsole(piped()).print(table)
    classes = {len(each) for each in logits.values()}
    if not names and classes != {len(kinetics_400())}:
        echo(f"A head of {max(classes)} classes is not Kinetics-400's: its classes are shown by number.")


@contextmanager
def _download_bar(name: str) -> Iterator["_Bar"]:
    """A bar of bytes in a terminal, nothing in a log, where the closing line is enough."""
    console = PlainConsole(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield _Bar(bars, name)


class _Bar:
    """What `fetch` calls with the bytes that are there."""

    def __init__(self, bars: Progress, name: str) -> None:
        self._bars = bars
        self._task = bars.add_task(name, total=None)

    def __call__(self, done: int, total: int | None) -> None:
        self._bars.update(self._task, completed=done, total=total)
