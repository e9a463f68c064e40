"""Fitting the two I3D streams on the clips of a train split."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from fmn.errors import BadItem, InputError
from fmn.item import Item
from fmn.progress import Watcher
from fmn.workers import Task

from ..items.split import held_out
from ..media.flow_methods import NO_FLOW
from ..media.two_streams import VideoSettings, streams_of
from ..networks.i3d import InceptionI3d, calibrate
from ..networks.i3d_fast import DTYPES, FastI3d
from ..weights.fitted_i3d import FittedI3d
from ..weights.provenance import item_keys
from .budget import affordable, balanced
from .classes import Classes, find_classes
from .decoded import ScratchClip, decode_on_worker
from .settings import FinetuneSettings
from .sources import FrameSource, MapSource, Source
from .stream import Epoch, FitClips, StreamFit, two_stream_accuracy
from .windows_of import as_batch, centre_windows

FEWEST = 20  # clips to fit on; with fewer the network learns the clips and not what they show
CALIBRATED_ON = 16
WARM_UP = 4
SMALL = VideoSettings(flow="dis", short_side=72, crop=64, window=32, fps=12.5)
"""For fitting from scratch: windows as long as the published ones, of half the frames and a twelfth of the pixels."""

Map = Callable[[Task, Sequence[Item], int], Iterator[list[tuple[Item, Any]]]]


class Keeper(Protocol):
    """Keeps the state of a fitting between processes."""

    def restore(self, fit: StreamFit) -> None:
        """Put a stream back to where an earlier process left it, if one did."""

    def keep(self, fit: StreamFit, epoch: Epoch) -> None:
        """An epoch is over."""


@dataclass(frozen=True)
class Began:
    """The network that a stream begins with. calibrate: its batch norms know nothing yet. told: which weights."""

    network: InceptionI3d
    calibrate: bool
    told: str


@dataclass(frozen=True)
class StreamResult:
    """A fitted stream: its best network, what its file says of it, all epochs, and which one was kept."""

    network: InceptionI3d
    about: FittedI3d
    epochs: Sequence[Epoch]
    best: Epoch
    cut: bool


@dataclass(frozen=True)
class VideoFit:
    """Both streams. `accuracy` and `chance`: of the two together on the validation part, None without one.

    `left_out`: clips that the minutes did not suffice for. `failed`: items that could not be read, with the reason.
    `shortened`: items longer than four windows.
    """

    streams: Mapping[str, StreamResult]
    accuracy: float | None
    chance: float
    classes: Classes
    fitted: int
    held_out: int
    left_out: int
    failed: Sequence[tuple[str, str]]
    shortened: Sequence[str]
    seconds: float

    @property
    def told(self) -> str:
        """One sentence about the outcome."""
        single = ", ".join(f"{name} {100 * (result.best.accuracy or 0):.0f} %" for name, result in self.streams.items())
        found = (
            f"validation accuracy {100 * self.accuracy:.0f} % ({single}; chance {100 * self.chance:.0f} %)"
            if self.accuracy is not None
            else "no validation part"
        )
        what = {"labels": "labels", "pairs": "pairs", "clips": "single clips, for want of labels"}[self.classes.method]
        part = f"{self.fitted} clips" + (f" ({self.left_out} more left out for want of time)" if self.left_out else "")
        return f"fitted on {part} of the train split ({len(self.classes.names)} {what}), {found}"


def fit_video(
    train: Sequence[Item],
    begin: Callable[[str, int], Began],
    shown: VideoSettings,
    how: FinetuneSettings,
    scratch: Path,
    run: Map,
    watcher: Watcher,
    device: str = "cpu",
    keeper: Keeper | None = None,
    entry: str = "",
    before: Sequence[str] = (),
) -> VideoFit | None:
    """Fit the RGB stream and, unless `shown.flow` is "none", the flow stream.

    Args:
        train: the items of the train split and no others; those of split "val", else a part of them that
            `cache.parts.validation_part` chooses, are held out to choose the epoch.
        begin: (stream, classes) -> the network to begin with.
        shown: size, window and rate of the frames.
        how: `how.minutes` bounds both streams together, the decoding included. Where the clips are too many for that,
            an equal number of each label is taken, and the rest is left out and counted.
        scratch: an empty folder for decoded frames; the caller removes it.
        run: runs tasks on the workers.
        keeper: keeps the state after every epoch.
        entry: the first stage of the trunk that is fitted, on maps that those below make once ("" = all of it).
        before: keys of the items that the beginning was fitted on, which the result was then fitted on, too.

    Returns:
        None where there are fewer than 20 readable clips to fit on, or nothing to tell apart.
    """
    began = time.monotonic()
    held = held_out(train, how.seed)
    classes = find_classes(train, held)
    items = balanced([item for item in train if item.id in classes.of], how.seed)
    if sum(item.id not in held for item in items) < FEWEST or len(classes.names) < 2:
        return None
    decoder = _Decoder(shown, scratch, run, watcher, len(items))
    first = decoder.decode(items[:WARM_UP])  # starts the workers, which is no clip's cost
    first += decoder.decode(items[WARM_UP:CALIBRATED_ON])
    streams = streams_of(shown.flow)
    networks = {stream: _begin(begin(stream, len(classes.names)), first, stream, shown) for stream in streams}
    sources = {
        stream: _source(networks[stream].network, stream, shown, scratch, device, entry, how) for stream in streams
    }
    each = decoder.seconds_a_clip + sum(_seconds(source, first) for source in sources.values())
    fewest = [place for place, item in enumerate(items) if item.id not in held][FEWEST - 1] + 1
    taken = items[: max(len(first), fewest, affordable(len(items), each, how.minutes))]
    clips = {**{clip.id: clip for clip in first}, **{clip.id: clip for clip in decoder.decode(taken[CALIBRATED_ON:])}}
    items = sorted((item for item in taken if item.id in clips), key=lambda item: item.id)
    fitted = [item for item in items if item.id not in held]
    validated = [item for item in items if item.id in held]
    if len(fitted) < FEWEST:
        return None
    parts = FitClips(
        [clips[item.id] for item in fitted],
        [classes.of[item.id] for item in fitted],
        [clips[item.id] for item in validated],
        [classes.of[item.id] for item in validated],
        len(classes.names),
    )
    keys = sorted({*item_keys(items), *before})
    results: dict[str, StreamResult] = {}
    scores: dict[str, Tensor] = {}
    for stream, source in sources.items():
        _prepare(source, [*parts.fitted, *parts.validated], stream, watcher)
    for place, (stream, source) in enumerate(sources.items()):
        left = how.minutes - (time.monotonic() - began) / 60
        bounded = replace(how, minutes=max(1e-3, left / (len(streams) - place)))
        fit = StreamFit(networks[stream].network, stream, parts, source, bounded, device)
        _run(fit, watcher, keeper)
        assert fit.best is not None
        scores[stream] = fit.scores()
        facts = {
            "method": classes.method,
            "items": len(fitted),
            "held_out": len(validated),
            "left_out": decoder.total - len(taken),
            "content": keys,
            "entry": entry,
            "epochs": len(fit.epochs) - 1,
            "best_epoch": fit.best.number,
            "accuracy": fit.best.accuracy,
            "cut": fit.cut,
            "settings": asdict(how) | {"bf16": fit.bf16},
        }
        about = FittedI3d(stream, classes.names, shown, networks[stream].told, facts)
        results[stream] = StreamResult(fit.network.cpu(), about, fit.epochs, fit.best, fit.cut)
    return VideoFit(
        results,
        two_stream_accuracy(scores, parts.validated_classes) if validated else None,
        1 / len(classes.names),
        classes,
        len(fitted),
        len(validated),
        decoder.total - len(taken),
        sorted(decoder.failed),
        [item.id for item in items if clips[item.id].cut],
        time.monotonic() - began,
    )


class _Decoder:
    """Decodes items on the workers into the scratch folder, and knows how long one takes."""

    def __init__(self, shown: VideoSettings, scratch: Path, run: Map, watcher: Watcher, total: int) -> None:
        self.task = functools.partial(decode_on_worker, settings=shown, folder=scratch)
        self.run, self.watcher, self.total = run, watcher, total
        self.failed: list[tuple[str, str]] = []
        self.seconds_a_clip = 0.0

    def decode(self, items: Sequence[Item]) -> list[ScratchClip]:
        """The readable ones among `items`, in their order."""
        began = time.monotonic()
        self.watcher.stage("frames and flow of the train split", len(items))
        found: dict[str, ScratchClip] = {}
        for batch in self.run(self.task, items, 2):
            for item, clip in batch:
                if isinstance(clip, BadItem):
                    self.failed.append((item.id, str(clip)))
                else:
                    found[item.id] = clip
            self.watcher.step(len(batch), sum(isinstance(clip, BadItem) for _, clip in batch))
        self.seconds_a_clip = (time.monotonic() - began) / max(1, len(items))
        return [found[item.id] for item in items if item.id in found]


def _begin(began: Began, clips: Sequence[ScratchClip], stream: str, shown: VideoSettings) -> Began:
    """Set the batch norms of a network that knows nothing, from the first windows of `clips` in one batch."""
    if began.calibrate and clips:
        calibrate(began.network, [as_batch([next(centre_windows(c, stream, shown.window, shown.crop)) for c in clips])])
    return began


def _source(
    network: InceptionI3d,
    stream: str,
    shown: VideoSettings,
    scratch: Path,
    device: str,
    entry: str,
    how: FinetuneSettings,
) -> Source:
    if not entry:
        return FrameSource(stream, shown.window, shown.crop, how.mirror)
    lower = FastI3d(network, device, DTYPES[shown.dtype])
    return MapSource(lower, entry, stream, shown.window, shown.crop, scratch, how.mirror)


def _seconds(source: Source, clips: Sequence[ScratchClip]) -> float:
    """What preparing a clip takes, from two of them; the first one also warms the processor up."""
    seconds = 0.0
    for clip in clips[:2]:
        began = time.monotonic()
        source.prepare(clip)
        seconds = time.monotonic() - began
    return seconds


def _prepare(source: Source, clips: Sequence[ScratchClip], stream: str, watcher: Watcher) -> None:
    if source.entry:
        watcher.stage(f"what {source.entry} will see, {stream}", len(clips))
        for clip in clips:
            source.prepare(clip)
            watcher.step()


def _run(fit: StreamFit, watcher: Watcher, keeper: Keeper | None) -> None:
    if keeper:
        keeper.restore(fit)
    watcher.stage(f"fitting I3D, {fit.stream} (epochs)", fit.how.epochs)
    done = max(0, len(fit.epochs) - 1)
    if done:
        watcher.step(done)

    def after(epoch: Epoch) -> None:
        if epoch.number:
            watcher.step()
        if epoch.accuracy is not None:
            watcher.note(f"validation accuracy {100 * epoch.accuracy:.0f} %")
        if keeper:
            keeper.keep(fit, epoch)

    fit.run(after)


def check_room(items: int, shown: VideoSettings, free_bytes: int) -> None:
    """Raise InputError where the scratch folder cannot hold one square window of each clip, the least there is."""
    least = items * shown.window * shown.short_side**2 * (3 if shown.flow == NO_FLOW else 5)
    if least > free_bytes:
        raise InputError(
            f"Fitting decodes the clips once into a scratch folder, at least {least / 1e9:.1f} GB for {items} clips, "
            f"and {free_bytes / 1e9:.1f} GB are free there: name a roomier --scratch, or smaller frames."
        )
