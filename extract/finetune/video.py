"""Fitting the two I3D streams on the clips of a train split."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from fmn.cache import Item
from fmn.cache.parts import validation_part
from fmn.errors import BadItem, InputError
from fmn.extract.finetune.classes import Classes, find_classes
from fmn.extract.finetune.i3d_file import FittedI3d
from fmn.extract.finetune.provenance import item_keys
from fmn.extract.finetune.scratch import ScratchClip, decode_on_worker
from fmn.extract.finetune.settings import FinetuneSettings
from fmn.extract.finetune.stream_fit import Epoch, FitClips, StreamFit, two_stream_accuracy
from fmn.extract.finetune.windows_of import as_batch, centre_windows
from fmn.extract.graph import Task
from fmn.extract.i3d import InceptionI3d, calibrate
from fmn.extract.progress import Watcher
from fmn.extract.streams import NO_FLOW, VideoSettings

CHANNELS = {"rgb": 3, "flow": 2}
FEWEST = 20  # clips to fit on; with fewer the network learns the clips and not what they show
CALIBRATED_ON = 16
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

    `failed`: items that could not be read, with the reason. `shortened`: items longer than four windows.
    """

    streams: Mapping[str, StreamResult]
    accuracy: float | None
    chance: float
    classes: Classes
    fitted: int
    held_out: int
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
        return f"fitted on {self.fitted} clips of the train split ({len(self.classes.names)} {what}), {found}"


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
) -> VideoFit | None:
    """Fit the RGB stream and, unless `shown.flow` is "none", the flow stream.

    Args:
        train: the items of the train split and no others; those of split "val", else a part of them that
            `cache.parts.validation_part` chooses, are held out to choose the epoch.
        begin: (stream, classes) -> the network to begin with.
        shown: size, window and rate of the frames.
        how: `how.minutes` bounds both streams together, the decoding included.
        scratch: an empty folder for decoded frames; the caller removes it.
        run: runs tasks on the workers.
        keeper: keeps the state after every epoch.

    Returns:
        None where there are fewer than 20 readable clips to fit on, or nothing to tell apart.
    """
    began = time.monotonic()
    items = sorted(train, key=lambda item: item.id)
    clips, failed = _decoded(items, shown, scratch, run, watcher)
    items = [item for item in items if item.id in clips]
    held = _held(items, how.seed)
    classes = find_classes(items, held)
    fitted = [item for item in items if item.id not in held and item.id in classes.of]
    held_out = [item for item in items if item.id in held and item.id in classes.of]
    if len(fitted) < FEWEST or len(classes.names) < 2:
        return None
    parts = FitClips(
        [clips[item.id] for item in fitted],
        [classes.of[item.id] for item in fitted],
        [clips[item.id] for item in held_out],
        [classes.of[item.id] for item in held_out],
        len(classes.names),
    )
    streams = ("rgb",) if shown.flow == NO_FLOW else ("rgb", "flow")
    keys = item_keys([*fitted, *held_out])
    results: dict[str, StreamResult] = {}
    scores: dict[str, Tensor] = {}
    for place, stream in enumerate(streams):
        left = how.minutes - (time.monotonic() - began) / 60
        bounded = replace(how, minutes=max(1e-3, left / (len(streams) - place)))
        first = begin(stream, len(classes.names))
        if first.calibrate:
            calibrate(first.network, [_calibration(parts.fitted, stream, shown)])
        fit = StreamFit(first.network, stream, parts, shown.window, shown.crop, bounded, device)
        _run(fit, watcher, keeper)
        assert fit.best is not None
        scores[stream] = fit.scores()
        facts = {
            "method": classes.method,
            "items": len(fitted),
            "held_out": len(held_out),
            "content": keys,
            "epochs": len(fit.epochs) - 1,
            "best_epoch": fit.best.number,
            "accuracy": fit.best.accuracy,
            "cut": fit.cut,
            "settings": asdict(how) | {"bf16": fit.bf16},
        }
        about = FittedI3d(stream, classes.names, shown, first.told, facts)
        results[stream] = StreamResult(fit.network.cpu(), about, fit.epochs, fit.best, fit.cut)
    return VideoFit(
        results,
        two_stream_accuracy(scores, parts.validated_classes) if held_out else None,
        1 / len(classes.names),
        classes,
        len(fitted),
        len(held_out),
        failed,
        [item.id for item in items if clips[item.id].cut],
        time.monotonic() - began,
    )


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


def _decoded(
    items: Sequence[Item], shown: VideoSettings, scratch: Path, run: Map, watcher: Watcher
) -> tuple[dict[str, ScratchClip], list[tuple[str, str]]]:
    watcher.stage("frames and flow of the train split", len(items))
    clips: dict[str, ScratchClip] = {}
    failed = []
    for batch in run(functools.partial(decode_on_worker, settings=shown, folder=scratch), items, 4):
        for item, found in batch:
            if isinstance(found, BadItem):
                failed.append((item.id, str(found)))
            else:
                clips[item.id] = found
        watcher.step(len(batch), sum(isinstance(found, BadItem) for _, found in batch))
    return clips, sorted(failed)


def _held(items: Sequence[Item], seed: int) -> set[str]:
    return {item.id for item in items if item.split == "val"} or validation_part(
        [item.id for item in items],
        [item.label for item in items],
        [item.group for item in items],
        [item.pair for item in items],
        seed=seed,
    )


def _calibration(clips: Sequence[ScratchClip], stream: str, shown: VideoSettings) -> Tensor:
    """First windows of clips spread evenly over the ids, in one batch: what differs between batches would be lost."""
    chosen = sorted({round(x) for x in np.linspace(0, len(clips) - 1, min(CALIBRATED_ON, len(clips)))})
    return as_batch([next(centre_windows(clips[at], stream, shown.window, shown.crop)) for at in chosen])


def check_room(items: int, shown: VideoSettings, free_bytes: int) -> None:
    """Raise InputError where the scratch folder cannot hold one square window of each clip, the least there is."""
    least = items * shown.window * shown.short_side**2 * (3 if shown.flow == NO_FLOW else 5)
    if least > free_bytes:
        raise InputError(
            f"Fitting decodes the clips once into a scratch folder, at least {least / 1e9:.1f} GB for {items} clips, "
            f"and {free_bytes / 1e9:.1f} GB are free there: name a roomier --scratch, or smaller frames."
        )
