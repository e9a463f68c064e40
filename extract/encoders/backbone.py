"""Encoders of one network: an item's windows each become a vector, and their plain mean is the item's.

A `Backbone` says how the network is built and loaded and how an item is cut into windows; `backbone_entry` makes it an
encoder, with given, found and random weights, checksums and warnings.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fmn.cache import EncoderRecord, Row
from fmn.device import pick_device
from fmn.errors import BadItem, InputError
from fmn.item import Item

from ..fitting.calibration import load_calibration, untrained_weights
from ..fitting.train_part import TrainPart
from ..media.waveform import RATE, waveform
from ..media.windows import windows
from ..networks.untrained import draw_weights, set_norms
from ..weights.checksums import state_sha256
from ..weights.folder import told_folder, weights_folder
from .door import EncoderEntry, OneByOne, Settled, check_sha256, weights_path
from .settings import AUTO, RANDOM, ExtractSettings

ROLE = "network"  # of the weights in a record


class Window(NamedTuple):
    """One window of an item as the network wants it (float32, without the batch's axis).

    `repeated`: frames at its end that were added by repeating; `seconds`: of the item that were read so far.
    """

    input: Tensor
    repeated: int
    seconds: float


def nowhere() -> Path | None:
    """No further place where weights may lie."""
    return None


@dataclass(frozen=True)
class Backbone:
    """A network that makes windows of an item into vectors [dim]; the item's vector is their mean.

    modality, name: as the registry knows it. title: as a sentence calls it.
    build: the network with any weights; called with [B, ...] windows it returns [B, dim] float32.
    load: the network with the weights of a file, in eval mode; InputError for a wrong one.
    preprocessing: JSON that says how items are shown, from the settings; InputError for settings that do not fit.
    windows: the windows of an item shown so; BadItem when it cannot be used.
    names: file names (or folders) of published weights in the weights folder. elsewhere: another place to look in.
    origin: where to get them, as the end of a sentence.
    """

    modality: str
    name: str
    title: str
    dim: int
    build: Callable[[], nn.Module]
    load: Callable[[Path], nn.Module]
    preprocessing: Callable[[ExtractSettings], dict[str, Any]]
    windows: Callable[[Item, Mapping[str, Any]], Iterator[Window]]
    names: tuple[str, ...]
    origin: str
    elsewhere: Callable[[], Path | None] = nowhere
    chunk: int = 1

    @property
    def fixed(self) -> bool:
        """Whether the preprocessing is the same for all settings: frames come in the user's size, sounds do not."""
        return self.modality == "audio"

    def found(self) -> Path | None:
        """Published weights on this machine: in the weights folder, else elsewhere."""
        here = (weights_folder() / name for name in self.names)
        return next((path for path in here if path.exists()), None) or self.elsewhere()

    def given(self, settings: ExtractSettings) -> str:
        """What the user said of its weights: "auto", "random:SEED" or a path."""
        given = settings.video_weights if self.modality == "video" else settings.audio_weights
        return "auto" if given in AUTO else given


def always(preprocessing: Mapping[str, Any], settings: ExtractSettings) -> dict[str, Any]:
    """The same preprocessing whatever the settings."""
    return dict(preprocessing)


def spectrogram_patches(
    item: Item, preprocessing: Mapping[str, Any], *, spectrogram: Callable[[np.ndarray], np.ndarray], length: int
) -> Iterator[Window]:
    """The patches of `length` frames of a recording's spectrogram [T, bands], the last one moved back to end with it.

    Raises BadItem when it is no recording.
    """
    sound = waveform(item.path, item.start, item.end, RATE)
    for patch, repeated in windows(iter(spectrogram(sound)), length):
        yield Window(torch.from_numpy(patch), repeated, len(sound) / RATE)


def backbone_entry(backbone: Backbone) -> EncoderEntry:
    """The registry's entry of a backbone."""
    return EncoderEntry(
        backbone.modality,
        backbone.name,
        backbone.chunk,
        asked=functools.partial(asked, backbone),
        decide=functools.partial(decide, backbone),
        open=functools.partial(open_backbone, backbone),
    )


def asked(backbone: Backbone, settings: ExtractSettings) -> dict[str, Any]:
    """The part of the settings that decides the features; for `auto` it matters which weights are on this machine now.

    Raises InputError where weights are named in a way that nobody understands, or are not there.
    """
    given = backbone.given(settings)
    option = f"--{backbone.modality}-weights"
    if given.startswith("random") and not RANDOM.fullmatch(given):
        raise InputError(f"Random weights are written random:SEED, such as random:0; got {option} {given!r}.")
    if given != "auto" and not RANDOM.fullmatch(given):
        if not Path(given).exists():
            raise InputError(
                f"{option} takes one file for {backbone.title}, random:SEED or auto, and there is no {given}: correct "
                "the path."
            )
        given = str(Path(given).resolve())
        backbone.load(Path(given))  # before anything is begun
    found = backbone.found() if given == "auto" else None
    return {
        "weights": given,
        "found": [str(found)] if found else [],
        "seed": settings.seed,
        "preprocessing": backbone.preprocessing(settings),
    }


def decide(backbone: Backbone, settings: ExtractSettings, part: TrainPart) -> Settled:
    """A given file, published weights found here, or random ones - and then said everywhere."""
    preprocessing, given = backbone.preprocessing(settings), backbone.given(settings)
    published = backbone.found() if given == "auto" else None
    if match := RANDOM.fullmatch(given):
        seed, why = int(match[1]), "as asked for"
    elif given == "auto" and published is None:
        seed = settings.seed
        why = (
            f"for want of published weights; {backbone.origin}, put into {told_folder()} as {backbone.names[0]}, "
            "would do much better"
        )
    else:
        path = (published or Path(given)).resolve()
        sums = {ROLE: state_sha256(backbone.load(path))}
        weights = {"source": str(path), "path": str(path), "sha256": sums}
        return Settled(backbone.dim, preprocessing, weights, f"{backbone.title}, {path.name}")
    network = draw_weights(backbone.build(), seed)
    first = functools.partial(_first_window, backbone=backbone, preprocessing=preprocessing)
    weights = untrained_weights(
        {ROLE: network}, seed, part, first, set_norms, encoder=backbone.name, title=backbone.title
    )
    warning = f"{backbone.modality} encoder: untrained {backbone.title} (random weights, seed {seed}), {why}."
    return Settled(backbone.dim, preprocessing, weights, f"untrained {backbone.title}", warning)


def open_backbone(backbone: Backbone, record: EncoderRecord, cache: Path, device: str) -> OneByOne:
    """The encoder of a record; InputError when its weights are gone or are others now."""
    picked = pick_device(device)
    if backbone.fixed and dict(record.preprocessing) != backbone.preprocessing(ExtractSettings()):
        raise InputError(
            f"The {backbone.name} features of this cache were made by another version, which showed recordings "
            "otherwise: extract into another --cache."
        )
    if "seed" in record.weights:
        network = draw_weights(backbone.build(), int(record.weights["seed"]))
        if "calibration" in record.weights.get("files", {}):
            load_calibration(weights_path(record, cache, "calibration"), ROLE, network)
        told = "what this version of torch draws from the seed"
    else:
        path = weights_path(record, cache, ROLE)
        network, told = backbone.load(path), str(path)
    check_sha256(record, ROLE, state_sha256(network), f"weights of {backbone.title}", told)
    network = network.to(picked).eval().requires_grad_(False)
    return OneByOne(functools.partial(_row, backbone, network, record.preprocessing, picked))


def _row(backbone: Backbone, network: nn.Module, preprocessing: Mapping[str, Any], device: str, item: Item) -> Row:
    """A window at a time: memory does not grow with an item's length."""
    total = np.zeros(backbone.dim, np.float64)
    count = repeated = 0
    seconds = 0.0
    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact:
        for window in backbone.windows(item, preprocessing):
            vector = network(window.input[None].to(device))[0]
            total += vector.double().cpu().numpy()
            count += 1
            repeated += window.repeated
            seconds = window.seconds
    features = (total / max(1, count)).astype(np.float32)
    if not np.isfinite(features).all():
        raise BadItem(f"{item.path}: {backbone.title} makes values of it that are not finite.")
    return Row(item, features, seconds=seconds, windows=count, repeated=repeated)


def _first_window(item: Item, *, backbone: Backbone, preprocessing: Mapping[str, Any]) -> dict[str, Tensor]:
    return {ROLE: next(backbone.windows(item, preprocessing)).input}
