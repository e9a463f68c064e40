"""Fitting the two I3D streams on the clips of a train split."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from torch import Tensor

from fmn.device import pick_device
from fmn.item import Item
from fmn.progress import Watcher

from ..items.split import held_out
from ..media.two_streams import VideoSettings, streams_of
from ..networks.i3d import InceptionI3d, calibrate
from ..networks.i3d_fast import DTYPES, FastI3d
from ..weights.fitted_on import item_keys
from ..weights.i3d_header import FittedI3d
from .classifier import Classes, find_classes
from .clips import DecodedClip, Decoder, affordable, as_batch, balanced, centre_windows
from .epochs import Epoch
from .i3d_settings import FinetuneSettings
from .sources import FrameSource, MapSource, Source
from .stream_fit import FitClips, StreamFit, two_stream_accuracy
from .train_part import TrainPart

FEWEST = 20  # clips to fit on; with fewer the network learns the clips and not what they show
CALIBRATED_ON = 16
WARM_UP = 4


@dataclass(frozen=True)
class Began:
    """The network that a stream begins with. calibrate: its batch norms know nothing yet. told: which weights."""

    network: InceptionI3d
    calibrate: bool
    told: str


class Keeper(Protocol):
    """Keeps the state of a fitting between processes."""

    def restore(self, fit: StreamFit) -> None:
        """Put a stream back to where an earlier process left it, if one did."""

    def keep(self, fit: StreamFit, epoch: Epoch) -> None:
        """An epoch is over."""


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

    `left_out`: clips that the minutes did not suffice for, or that were more than are taken. `failed`: items that could
    not be read, with the reason. `shortened`: items longer than four windows.
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
        part = f"{self.fitted} clips" + (f" ({self.left_out} more left out)" if self.left_out else "")
        return f"fitted on {part} of the train split ({len(self.classes.names)} {what}), {found}"


def fit_video(
    part: TrainPart,
    begin: Callable[[str, int], Began],
    shown: VideoSettings,
    how: FinetuneSettings,
    scratch: Path,
    keeper: Keeper | None = None,
    entry: str = "",
    before: Sequence[str] = (),
    most: int | None = None,
) -> VideoFit | None:
    """Fit the RGB stream and, unless `shown.flow` is "none", the flow stream.

    Args:
        part: the items of the train split and no others; those of split "val", else a part of them that
            `cache.parts.validation_part` chooses, are held out to choose the epoch. `how` says seed and minutes.
        begin: (stream, classes) -> the network to begin with.
        shown: size, window and rate of the frames.
        how: `how.minutes` bounds both streams together, the decoding included. Where the clips are too many for that,
            an equal number of each label is taken, and the rest is left out and counted.
        scratch: an empty folder for decoded frames; the caller removes it.
        keeper: keeps the state after every epoch.
        entry: the first stage of the trunk that is fitted, on maps that those below make once ("" = all of it).
        most: clips that are taken, in equal numbers of each label; None for as many as the minutes allow.
        before: keys of the items that the beginning was fitted on, which the result was then fitted on, too.

    Returns:
        None where there are fewer than 20 readable clips to fit on, or nothing to tell apart.
    """
    began = time.monotonic()
    held = held_out(part.items, how.seed)
    classes = find_classes(part.items, held)
    items = balanced([item for item in part.items if item.id in classes.of], how.seed)
    fitted = [place for place, item in enumerate(items) if item.id not in held]
    if len(fitted) < FEWEST or len(classes.names) < 2:
        return None
    decoder = Decoder(part, shown, scratch)
    first = decoder.decode(items[:WARM_UP])  # starts the workers, which is no clip's cost
    first += decoder.decode(items[WARM_UP:CALIBRATED_ON])
    device = pick_device(part.device)
    networks: dict[str, Began] = {}
    sources: dict[str, Source] = {}
    for stream in streams_of(shown.flow):
        networks[stream] = _begin(begin(stream, len(classes.names)), first, stream, shown)
        sources[stream] = _source(networks[stream].network, stream, shown, scratch, device, entry, how)
    seconds = decoder.seconds_a_clip + sum(_seconds(source, first) for source in sources.values())
    count = affordable(len(items), seconds, how.minutes) if most is None else min(most, len(items))
    taken = items[: max(len(first), fitted[FEWEST - 1] + 1, count)]
    if most is not None:
        part.watcher.say(
            f"{len(taken)} of {len(items)} clips are fitted on; their preparation takes about "
            f"{len(taken) * seconds / 60:.0f} minutes."
        )
    clips = {clip.id: clip for clip in (*first, *decoder.decode(taken[CALIBRATED_ON:]))}
    used = sorted((item for item in taken if item.id in clips), key=lambda item: item.id)
    parts = _parts(used, held, classes, clips)
    if len(parts.fitted) < FEWEST:
        return None
    for stream, source in sources.items():
        _prepare(source, [*parts.fitted, *parts.validated], stream, part.watcher)
    facts = {
        "method": classes.method,
        "items": len(parts.fitted),
        "held_out": len(parts.validated),
        "left_out": len(items) - len(taken),
        "content": sorted({*item_keys(used), *before}),
        "entry": entry,
    }
    results: dict[str, StreamResult] = {}
    scores: dict[str, Tensor] = {}
    for place, (stream, source) in enumerate(sources.items()):
        left = how.minutes - (time.monotonic() - began) / 60
        bounded = replace(how, minutes=max(1e-3, left / (len(sources) - place)))
        fit = StreamFit(networks[stream].network, stream, parts, source, bounded, device)
        best = _run(fit, part.watcher, keeper)
        scores[stream] = fit.scores()
        found = {
            "epochs": len(fit.epochs) - 1,
            "best_epoch": best.number,
            "accuracy": best.accuracy,
            "cut": fit.cut,
            "settings": how.as_stored() | {"bf16": fit.bf16},
        }
        about = FittedI3d(stream, classes.names, shown, networks[stream].told, facts | found)
        results[stream] = StreamResult(fit.network.cpu(), about, fit.epochs, best, fit.cut)
    return VideoFit(
        results,
        two_stream_accuracy(scores, parts.validated_classes) if parts.validated else None,
        1 / len(classes.names),
        classes,
        len(parts.fitted),
        len(parts.validated),
        len(items) - len(taken),
        sorted(decoder.failed),
        [item.id for item in used if clips[item.id].cut],
        time.monotonic() - began,
    )


def _parts(items: Sequence[Item], held: set[str], classes: Classes, clips: Mapping[str, DecodedClip]) -> FitClips:
    fitted = [item.id for item in items if item.id not in held]
    validated = [item.id for item in items if item.id in held]
    return FitClips(
        [clips[name] for name in fitted],
        [classes.of[name] for name in fitted],
        [clips[name] for name in validated],
        [classes.of[name] for name in validated],
        len(classes.names),
    )


def _begin(began: Began, clips: Sequence[DecodedClip], stream: str, shown: VideoSettings) -> Began:
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


def _seconds(source: Source, clips: Sequence[DecodedClip]) -> float:
    """What preparing a clip takes, from two of them; the first one also warms the processor up."""
    seconds = 0.0
    for clip in clips[:2]:
        began = time.monotonic()
        source.prepare(clip)
        seconds = time.monotonic() - began
    return seconds


def _prepare(source: Source, clips: Sequence[DecodedClip], stream: str, watcher: Watcher) -> None:
    if source.entry:
        watcher.stage(f"what {source.entry} will see, {stream}", len(clips))
        for clip in clips:
            source.prepare(clip)
            watcher.step()


def _run(fit: StreamFit, watcher: Watcher, keeper: Keeper | None) -> Epoch:
    """All epochs, those of an earlier process taken over; the best one."""
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
    assert fit.best is not None
    return fit.best
