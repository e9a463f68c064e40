"""Audio encoder `musimnet`: fitted on the train split by a triplet loss unless weights are given, 512-d."""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save

from fmn.files import write_durably

from ..fitting.musimnet import BANDS, CHUNK, HOP, N_FFT, WINDOW, fit_on_train, spectrogram
from ..fitting.train_part import TrainPart
from ..media.waveform import RATE
from ..networks.musimnet import FEATURES, PATCH, MusimNet, musimnet
from ..weights.checksums import state_sha256
from ..weights.state_file import load_state
from . import backbone
from .backbone import ROLE, Backbone, always, backbone_entry, spectrogram_patches
from .door import Settled
from .settings import ExtractSettings

PREPROCESSING: dict[str, Any] = {
    "rate": RATE,
    "window": WINDOW,
    "hop": HOP,
    "n_fft": N_FFT,
    "bands": f"{BANDS}, Slaney",
    "scaling": "log10(10000 power + 1), mean and deviation of the recording",
    "patch": PATCH,
    "short": "spectrogram repeated to one patch",
}


def load_musimnet(path: Path) -> MusimNet:
    """The network of a file that fmn-extract saved; else InputError."""
    network = musimnet()
    load_state(network, path, "MuSimNet")
    return network


BACKBONE = Backbone(
    modality="audio",
    name="musimnet",
    title="MuSimNet",
    dim=FEATURES,
    build=musimnet,
    load=load_musimnet,
    preprocessing=functools.partial(always, PREPROCESSING),
    windows=functools.partial(spectrogram_patches, spectrogram=spectrogram, length=PATCH),
    names=(),
    origin="",
    chunk=CHUNK,
)


def asked(settings: ExtractSettings) -> dict[str, Any]:
    """What decides the features: which weights, or with which seed they are fitted."""
    wanted = backbone.asked(BACKBONE, settings)
    return wanted | ({"weights": "fitted"} if wanted["weights"] == "auto" else {})


def decide(settings: ExtractSettings, part: TrainPart) -> Settled:
    """Load the weights that were given, or fit them and keep them in the cache folder."""
    if BACKBONE.given(settings) != "auto":
        return backbone.decide(BACKBONE, settings, part)
    network, report, keys = fit_on_train(part)
    sha256 = state_sha256(network)
    kept = f"musimnet-{sha256[:12]}.safetensors"  # by content: no other fitting ever overwrites it
    write_durably(part.folder, kept, save(network.state_dict(), {"fmn": json.dumps({"fitted_on": {"content": keys}})}))
    told = f"fitted here on {report.items} recordings of the train split"
    weights = {"source": told, "sha256": {ROLE: sha256}, "files": {ROLE: kept}}
    notes = {"fitted_on": dataclasses.asdict(report)}
    return Settled(FEATURES, PREPROCESSING, weights, told, report.warning, notes)


MUSIMNET = dataclasses.replace(backbone_entry(BACKBONE), asked=asked, decide=decide)
