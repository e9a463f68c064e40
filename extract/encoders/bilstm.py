"""Audio encoder `bilstm`: waveform -> MFCC -> Bi-LSTM -> 2048-d, fitted on the train split unless weights are given."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fmn.cache import EncoderRecord, Row
from fmn.device import pick_device
from fmn.errors import BadItem
from fmn.item import Item

from ..fitting.bilstm import CHUNK, fit_on_train, mfcc_of
from ..fitting.train_part import TrainPart, each
from ..media.mfcc import SETTINGS
from ..media.notes import noted
from ..networks.bilstm import BiLstm
from ..weights.bilstm_file import bilstm_sha256, load_bilstm, save_bilstm
from .door import EncoderEntry, Settled, check_sha256, weights_path
from .settings import AUTO, ExtractSettings

ROLE = "bilstm"  # of the weights in a record


class BilstmEncoder:
    """Encodes recordings with a given network, several of similar length together."""

    def __init__(self, network: BiLstm) -> None:
        self.network = network

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row [2 * units] an item."""
        heard = each(items, functools.partial(noted, mfcc_of))
        good = {at: found for at, found in enumerate(heard) if not isinstance(found, BadItem)}
        vectors = self.network.embed([frames for (frames, _), _ in good.values()]) if good else np.empty((0, 1))
        rows = {
            at: Row(items[at], vector, seconds=seconds, windows=1, repeated=0, notes=notes)
            for (at, ((_, seconds), notes)), vector in zip(good.items(), vectors, strict=True)
        }
        return [found if isinstance(found, BadItem) else rows[at] for at, found in enumerate(heard)]


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """What decides the features: which weights, or with which seed they are fitted. InputError for unusable weights."""
    if settings.audio_weights not in AUTO:
        load_bilstm(settings.audio_weights)
        return {"weights": str(Path(settings.audio_weights).resolve())}
    return {"weights": "fitted", "seed": settings.seed}


def decide(settings: ExtractSettings, part: TrainPart) -> Settled:
    """Load the weights that were given, or fit them on the train split and keep them in the cache folder."""
    if settings.audio_weights not in AUTO:
        path = Path(settings.audio_weights).resolve()
        network = load_bilstm(path)
        weights = {"source": str(path), "sha256": {ROLE: bilstm_sha256(network)}, "path": str(path)}
        return _settled(network, weights, f"given, {path.name}", _warning_of(network))
    network, warning = fit_on_train(part)
    kept = f"bilstm-{bilstm_sha256(network)[:12]}.safetensors"  # by content: no other fitting ever overwrites it
    told = f"fitted here on {network.fitted_on.get('items', 0)} recordings of the train split"
    weights = {"source": told, "sha256": {ROLE: save_bilstm(network, part.folder / kept)}, "files": {ROLE: kept}}
    return _settled(network, weights, told, warning)


def open_bilstm(record: EncoderRecord, cache: Path, device: str) -> BilstmEncoder:
    """The encoder of a record; the weights' checksum must be the recorded one.

    The network is small and runs on the CPU whatever the device, but a name that is none is refused as elsewhere.
    """
    pick_device(device)
    path = weights_path(record, cache, ROLE)
    network = load_bilstm(path)
    check_sha256(record, ROLE, bilstm_sha256(network), "weights", str(path))
    return BilstmEncoder(network)


def _warning_of(network: BiLstm) -> str:
    """What a file says against itself: weights that are untrained, or were fitted without labels."""
    if not network.fitted_on:
        return "The Bi-LSTM is untrained: the given file holds random weights."
    return str(network.fitted_on.get("warning", ""))


def _settled(network: BiLstm, weights: dict[str, Any], told: str, warning: str) -> Settled:
    fitted_on = {
        key: value for key, value in network.fitted_on.items() if key not in ("content", "warning")
    }  # long; in the weights file
    facts = {"units": network.units, "stack": network.stack, "pooling": network.pooling}
    preprocessing = {"mfcc": dict(SETTINGS), **facts}
    return Settled(network.dim, preprocessing, weights, told, warning, {"fitted_on": fitted_on})


BILSTM = EncoderEntry("audio", "bilstm", chunk=CHUNK, asked=asked, decide=decide, open=open_bilstm)
