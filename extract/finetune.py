"""What fmn-finetune calls: a set of media in, fitted weights with their history out."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fmn.device import pick_device
from fmn.errors import InputError
from fmn.files import write_durably
from fmn.item import Item
from fmn.progress import Watcher

from .fitting.bilstm import FitSettings, fit_on_train
from .fitting.checkpoint import FolderKeeper, write_history
from .fitting.clips import check_room
from .fitting.i3d_settings import FinetuneSettings
from .fitting.starting_weights import beginning, seen_before
from .fitting.train_part import TrainPart
from .fitting.video_fit import FEWEST, VideoFit, fit_video
from .graph import mapper
from .items.manifest import find_items
from .items.split import assign_splits
from .media.two_streams import VideoSettings, streams_of
from .networks.bilstm import BiLstm
from .weights.bilstm_file import save_bilstm
from .weights.fitted_on import item_key, named, seen_test_items
from .weights.i3d_header import write_fitted

STAMP = "finetune.json"
FRAMES = ".frames-"
TRAIN = ("train", "val")
LAST = "curve.png"  # what a video fitting writes last


@dataclass(frozen=True)
class MediaSet:
    """Where the items come from, as fmn-extract takes them: the same folders, share and seed give the same split."""

    videos: Path | None
    audio: Path | None
    manifest: Path | None
    train: float = 0.7
    seed: int = 0

    def items(self, modality: str, watcher: Watcher) -> list[Item]:
        """The items with their split; InputError as fmn-extract says it."""
        found = find_items(self.videos, self.audio, self.manifest)
        for notice in found.notices:
            watcher.say(notice)
        items = assign_splits(found.items, self.train, self.seed)
        return [item for item in items if item.modality == modality]


def finetune_video(
    media: MediaSet,
    out: Path,
    begin_from: str,
    shown: VideoSettings,
    how: FinetuneSettings,
    watcher: Watcher,
    workers: int = 1,
    device: str = "auto",
    scratch: Path | None = None,
    maps: bool = False,
) -> VideoFit:
    """Fit I3D on the train split and write `rgb.safetensors`, `flow.safetensors`, `history.csv`, `curve.png` to `out`.

    A fitting that was interrupted goes on when it is asked for again in the same words. `scratch`: where decoded frames
    lie meanwhile (in `out` by default). `maps`: what is frozen makes its maps once, of whole windows and their mirror
    images without random crops, which saves most of an epoch's time.
    InputError: too few clips; maps without anything frozen; `out` holds another fitting, or this one, finished; weights
    to begin from that cannot be had.
    """
    streams = streams_of(shown.flow)
    picked = pick_device(device)
    begin = beginning(begin_from, streams, how.seed)
    every = media.items("video", watcher)
    items = [item for item in every if item.split in TRAIN]
    before = seen_before(begin_from)
    if leaked := seen_test_items(before, every):
        raise InputError(
            f"{begin_from} was fitted on {len(leaked)} items of this set's test split ({named(leaked)}): begin from "
            "other weights, or split with the same --seed and --train as then."
        )
    if maps and not how.frozen_until:
        raise InputError(
            "Maps are made once by the frozen part, and nothing is frozen: give --frozen-until with --maps."
        )
    _claim(
        out,
        {"begin_from": begin_from, "shown": asdict(shown), "how": how.as_stored(), "maps": maps, "before": before},
        items,
        LAST,
    )
    for left in out.glob(f"{FRAMES}*"):  # of a killed process
        shutil.rmtree(left, ignore_errors=True)
    place = scratch or out
    check_room(len(items), shown, shutil.disk_usage(place).free)
    keeper = FolderKeeper(out)
    with mapper(workers) as run, tempfile.TemporaryDirectory(prefix=FRAMES, dir=place) as folder:
        place, entry = Path(folder).resolve(), how.frozen_until if maps else ""
        part = TrainPart(out, items, run, watcher, how.seed, how.minutes, picked)
        fit = fit_video(part, begin, shown, how, place, keeper, entry, before)
    if fit is None:
        raise InputError(
            f"Fitting needs at least {FEWEST} readable clips of two labels (or pairs) in the train split, besides the "
            f"validation part; there are {len(items)} clips in all. Add clips, or use weights as they are."
        )
    for stream, result in fit.streams.items():
        write_fitted(out, f"{stream}.safetensors", result.network, result.about)
    write_history(
        out,
        {stream: result.epochs for stream, result in fit.streams.items()},
        {stream: result.best.number for stream, result in fit.streams.items()},
    )
    keeper.forget(streams)
    return fit


def finetune_audio(
    media: MediaSet, out: Path, how: FitSettings, watcher: Watcher, workers: int = 1
) -> tuple[BiLstm, str]:
    """Fit a Bi-LSTM on the train split and write `out/bilstm.safetensors`; (network, warning or "").

    InputError: `out` holds another fitting, or this one, finished.
    """
    items = [item for item in media.items("audio", watcher) if item.split in TRAIN]
    _claim(out, {"how": how.as_stored()}, items, "bilstm.safetensors")
    with mapper(workers) as run:
        network, warning = fit_on_train(TrainPart(out, items, run, watcher, how.seed, how.minutes), how)
    if not network.fitted_on:
        raise InputError(
            f"Fitting needs at least two readable recordings in the train split besides the validation part; there are "
            f"{len(items)} recordings in all. Add recordings."
        )
    save_bilstm(network, out / "bilstm.safetensors")
    return network, warning


def _claim(out: Path, asked: dict[str, Any], items: Sequence[Item], last: str) -> None:
    """Make the folder this fitting's, or see that it is the same one, unfinished: `last` is the file written last."""
    named_items = [[item.id, item.label, item.pair, item.split, item_key(item)] for item in items]
    stamp = json.loads(json.dumps({**asked, "items": named_items}))
    file = out / STAMP
    if out.is_file():
        raise InputError(f"Fitted weights need a folder, and {out} is a file: name another --out.")
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if there:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or "items" not in found:
            raise InputError(f"Fitted weights need a folder of their own, and {out} is not empty: name another --out.")
        if there != {STAMP} and found != stamp:  # a stamp alone is an attempt that came to nothing
            raise InputError(
                f"{out} holds another fitting (other settings, items or files; see {file}): ask for the same one, or "
                "name another --out."
            )
        if last in there:
            raise InputError(f"The fitting in {out} is finished: use its weights, or name another --out.")
        if found == stamp:
            return
    out.mkdir(parents=True, exist_ok=True)
    write_durably(out, STAMP, json.dumps(stamp, indent=1).encode())
