"""Audio encoder `bilstm`: waveform -> MFCC -> Bi-LSTM -> 2048-d, fitted on the train split unless weights are given."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fmn.cache import EncoderRecord, Row
from fmn.device import pick_device
from fmn.errors import BadItem, InputError
from fmn.item import Item

from ..fitting.bilstm import Epoch, FitSettings, fit_bilstm
from ..items.split import held_out
from ..media.mfcc import SETTINGS, mfcc
from ..media.waveform import RATE, waveform
from ..networks.bilstm import BiLstm, load_bilstm
from ..weights.provenance import item_keys
from .door import EncoderKind, Settling
from .settings import AUTO, ExtractSettings

CHUNK = 16


class BilstmEncoder:
    """Encodes recordings with a given network, several of similar length together."""

    def __init__(self, network: BiLstm) -> None:
        self.network = network

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row [2 * units] an item."""
        frames = mfcc_on_worker(items)
        good = [index for index, found in enumerate(frames) if not isinstance(found, BadItem)]
        vectors = self.network.embed([frames[index][0] for index in good]) if good else np.empty((0, self.network.dim))
        rows: list[Row | BadItem] = list(frames)
        for index, vector in zip(good, vectors, strict=True):
            rows[index] = Row(items[index], vector, seconds=frames[index][1], windows=1, repeated=0)
        return rows


def mfcc_on_worker(items: Sequence[Item]) -> list[Any]:
    """(MFCC [T, 39], seconds) of each item, or the BadItem that it is."""
    found: list[Any] = []
    for item in items:
        try:
            sound = waveform(item.path, item.start, item.end, RATE)
            found.append((mfcc(sound), len(sound) / RATE))
        except BadItem as bad:
            found.append(bad)
    return found


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """What decides the features: which weights, or with which seed they are fitted. InputError for unusable weights."""
    if settings.audio_weights not in AUTO:
        load_bilstm(settings.audio_weights)
        return {"weights": str(Path(settings.audio_weights).resolve())}
    return {"weights": "fitted", "seed": settings.seed}


def settle(settling: Settling) -> EncoderRecord:
    """Load the weights that were given, or fit them on the train split and keep them in the cache folder."""
    given = settling.settings.audio_weights
    if given not in AUTO:
        network = load_bilstm(given)
        path = Path(given).resolve()
        weights = {"source": str(path), "sha256": {"bilstm": network.sha256()}, "path": str(path)}
        return _record(network, weights, f"given, {path.name}", _warning_of(network), asked(settling.settings))
    network, warning = fit_on_train(settling)
    kept = f"bilstm-{network.sha256()[:12]}.safetensors"  # by content: no other fitting ever overwrites it
    network.save(settling.cache / kept)
    told = f"fitted here on {network.fitted_on.get('items', 0)} recordings of the train split"
    weights = {"source": told, "sha256": {"bilstm": network.sha256()}, "files": {"bilstm": kept}}
    return _record(network, weights, told, warning, asked(settling.settings))


def open_bilstm(record: EncoderRecord, cache: Path, device: str) -> BilstmEncoder:
    """The encoder of a record; the weights' checksum must be the recorded one.

    The network is small and runs on the CPU whatever the device, but a name that is none is refused as elsewhere.
    """
    pick_device(device)
    files = record.weights.get("files", {})
    path = cache / files["bilstm"] if "bilstm" in files else Path(str(record.weights.get("path", "")))
    network = load_bilstm(path)
    wanted = record.weights["sha256"]["bilstm"]
    if network.sha256() != wanted:
        raise InputError(
            f"Encoding needs the weights that the cache was made with (sha256 {wanted[:12]}); {path} is another file "
            f"({network.sha256()[:12]}). Put the right one back."
        )
    return BilstmEncoder(network)


def _warning_of(network: BiLstm) -> str:
    """What a file says against itself: weights that are untrained, or were fitted without labels."""
    if not network.fitted_on:
        return "The Bi-LSTM is untrained: the given file holds random weights."
    return str(network.fitted_on.get("warning", ""))


def fit_on_train(settling: Settling, how: FitSettings | None = None) -> tuple[BiLstm, str]:
    """Fit a Bi-LSTM on the train split; (network, warning or ""). `how` None: within --fit-minutes, else defaults."""
    settings, watcher = settling.settings, settling.watcher
    watcher.stage("MFCC of the train split", len(settling.train))
    frames: dict[str, np.ndarray] = {}
    for batch in settling.map(mfcc_on_worker, settling.train, CHUNK):
        frames |= {item.id: found[0] for item, found in batch if not isinstance(found, BadItem)}
        watcher.step(len(batch), sum(isinstance(found, BadItem) for _, found in batch))
    items = sorted((item for item in settling.train if item.id in frames), key=lambda item: item.id)
    held = held_out(items, settings.seed)
    how = how or FitSettings(minutes=settings.fit_minutes, seed=settings.seed)
    watcher.stage("Bi-LSTM fitting (epochs)", how.epochs)

    def tell(epoch: Epoch) -> None:
        watcher.step()
        if epoch.accuracy is not None:
            watcher.note(f"validation accuracy {100 * epoch.accuracy:.0f} %")

    network, report = fit_bilstm(
        [frames[item.id] for item in items],
        [item.label for item in items],
        [item.id in held for item in items],
        how,
        tell,
    )
    if report.cut:
        watcher.say(
            f"The Bi-LSTM's fitting was cut at {how.minutes:g} minutes after {len(report.epochs)} of "
            f"{how.epochs} epochs: the result depends on the speed of this machine."
        )
    if report.accuracy is not None:
        watcher.say(
            f"Bi-LSTM fitted on {report.items} recordings of the train split ({report.classes} labels), validation "
            f"accuracy {100 * report.accuracy:.1f} % (chance {100 / report.classes:.1f} %), {report.seconds:.0f} s."
        )
    if network.fitted_on:
        network.fitted_on |= {"content": item_keys(items), "warning": report.warning}
    return network, report.warning


def _record(
    network: BiLstm, weights: dict[str, Any], told: str, warning: str, asked_for: dict[str, Any]
) -> EncoderRecord:
    fitted_on = {
        key: value for key, value in network.fitted_on.items() if key not in ("content", "warning")
    }  # long; in the weights file
    network_facts = {"units": network.units, "stack": network.stack, "pooling": network.pooling}
    return EncoderRecord(
        modality="audio",
        name="bilstm",
        dim=network.dim,
        preprocessing={"mfcc": dict(SETTINGS), **network_facts},
        weights=weights,
        warning=warning,
        notes={"told": f"audio encoder: {told}", "fitted_on": fitted_on, "asked": asked_for},
    )


BILSTM = EncoderKind(modality="audio", name="bilstm", chunk=CHUNK, asked=asked, settle=settle, open=open_bilstm)
