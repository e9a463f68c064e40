"""Audio encoder `musimnet`: fitted on the train split by a triplet loss unless weights are given, 512-d."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from safetensors.torch import save

from fmn.cache import EncoderRecord
from fmn.errors import BadItem
from fmn.files import write_durably
from fmn.item import Item

from ..fitting.musimnet import EPOCHS, MusimFit, fit_musimnet
from ..items.split import held_out
from ..media.waveform import RATE, waveform
from ..networks import musimnet
from ..weights.identity import state_sha256
from ..weights.provenance import item_keys
from .backbone import Backbone
from .backbone_weights import asked_weights, given_weights, settle_weights
from .door import Settling
from .settings import ExtractSettings
from .windows import windows_kind

CHUNK = 8


def _preprocessing(settings: ExtractSettings) -> dict[str, Any]:
    return dict(musimnet.SETTINGS)


BACKBONE = Backbone(
    modality="audio",
    name="musimnet",
    title="MuSimNet",
    dim=musimnet.FEATURES,
    build=musimnet.musimnet,
    load=musimnet.load_musimnet,
    preprocessing=_preprocessing,
    windows=musimnet.patches,
    names=(),
    origin="",
    chunk=CHUNK,
)


def spectrograms_on_worker(items: Sequence[Item]) -> list[np.ndarray | BadItem]:
    """The spectrogram [T, 80] of each item, or the BadItem that it is."""
    found: list[np.ndarray | BadItem] = []
    for item in items:
        try:
            found.append(musimnet.spectrogram(waveform(item.path, item.start, item.end, RATE)))
        except BadItem as bad:
            found.append(bad)
    return found


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """What decides the features: which weights, or with which seed they are fitted."""
    wanted = asked_weights(BACKBONE, settings)
    if wanted["weights"] == "auto":
        wanted["weights"] = "fitted"
    return {**wanted, "preprocessing": _preprocessing(settings)}


def settle(settling: Settling) -> EncoderRecord:
    """Load the weights that were given, or fit them and keep them in the cache folder."""
    notes: dict[str, Any] = {"asked": asked(settling.settings)}
    if given_weights(BACKBONE, settling.settings) == "auto":
        network, report, keys = _fit(settling)
        sha256 = state_sha256(network)
        kept = f"musimnet-{sha256[:12]}.safetensors"  # by content: no other fitting ever overwrites it
        write_durably(
            settling.cache, kept, save(network.state_dict(), {"fmn": json.dumps({"fitted_on": {"content": keys}})})
        )
        told = f"fitted here on {report.items} recordings of the train split"
        weights: dict[str, Any] = {"source": told, "sha256": {"network": sha256}, "files": {"network": kept}}
        warning = report.warning
        notes["fitted_on"] = dataclasses.asdict(report)
    else:
        weights, warning, told = settle_weights(BACKBONE, settling, _preprocessing(settling.settings))
    return EncoderRecord(
        modality="audio",
        name=BACKBONE.name,
        dim=BACKBONE.dim,
        preprocessing=_preprocessing(settling.settings),
        weights=weights,
        warning=warning,
        notes={**notes, "told": f"audio encoder: {told}"},
    )


def _fit(settling: Settling) -> tuple[musimnet.MusimNet, MusimFit, list[str]]:
    settings, watcher = settling.settings, settling.watcher
    watcher.stage("mel spectrograms of the train split", len(settling.train))
    seen: dict[str, np.ndarray] = {}
    for batch in settling.map(spectrograms_on_worker, settling.train, CHUNK):
        seen |= {item.id: found for item, found in batch if not isinstance(found, BadItem)}
        watcher.step(len(batch), sum(isinstance(found, BadItem) for _, found in batch))
    items = sorted((item for item in settling.train if item.id in seen), key=lambda item: item.id)
    held = held_out(items, settings.seed)
    watcher.stage("MuSimNet fitting (epochs)", EPOCHS)

    def tell(epoch: int, accuracy: float | None) -> None:
        watcher.step()
        if accuracy is not None:
            watcher.note(f"nearest neighbour right {100 * accuracy:.0f} %")

    network, report = fit_musimnet(
        [seen[item.id] for item in items],
        [item.label for item in items],
        [item.id in held for item in items],
        minutes=settings.fit_minutes,
        seed=settings.seed,
        progress=tell,
    )
    if report.cut:
        watcher.say(
            f"MuSimNet's fitting was cut at --fit-minutes {settings.fit_minutes:g} after {report.epochs} of {EPOCHS} "
            "epochs: the result depends on the speed of this machine."
        )
    if report.accuracy is not None:
        watcher.say(
            f"MuSimNet fitted on {report.items} recordings of the train split ({report.classes} labels): the nearest "
            f"one is of the same label for {100 * report.accuracy:.1f} % of {report.held_out} held out (chance about "
            f"{100 / report.classes:.1f} %), {report.seconds:.0f} s."
        )
    return network, report, item_keys(items)


MUSIMNET = dataclasses.replace(windows_kind(BACKBONE), asked=asked, settle=settle)
