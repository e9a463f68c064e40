"""Audio encoder `vggish`: VGGish over patches of a log-mel spectrogram, its own embedding, 128-d."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from ..media.mel import htk_bank, magnitudes
from ..media.waveform import RATE
from ..networks.vggish import BANDS, FEATURES, PATCH, Vggish, vggish
from ..weights.state_file import load_state
from .backbone import Backbone, always, backbone_entry, spectrogram_patches

WINDOW, HOP, N_FFT = 400, 160, 512
LOW, HIGH, OFFSET = 125.0, 7500.0, 0.01

PREPROCESSING: dict[str, Any] = {
    "rate": RATE,
    "window": WINDOW,
    "hop": HOP,
    "n_fft": N_FFT,
    "bands": f"{BANDS}, HTK, {LOW:g} to {HIGH:g} Hz",
    "scaling": f"ln(magnitude + {OFFSET:g})",
    "patch": PATCH,
    "short": "spectrogram repeated to one patch",
}


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """[n >= 400] samples at 16 kHz -> [1 + (n - 400) // 160, 64] float32, ln(mel magnitude + 0.01)."""
    mel = magnitudes(sound, WINDOW, HOP, N_FFT) @ htk_bank(RATE, N_FFT, BANDS, LOW, HIGH)
    return np.log(mel + OFFSET).astype(np.float32)


patches = functools.partial(spectrogram_patches, spectrogram=spectrogram, length=PATCH)


def load_vggish(path: Path) -> Vggish:
    """The network with the weights of `vggish-10086976.pth` or another file of its names; else InputError."""
    network = vggish()
    load_state(network, path, "VGGish", head=("pproc.",))
    return network


VGGISH = backbone_entry(
    Backbone(
        modality="audio",
        name="vggish",
        title="VGGish",
        dim=FEATURES,
        build=vggish,
        load=load_vggish,
        preprocessing=functools.partial(always, PREPROCESSING),
        windows=patches,
        names=("vggish-10086976.pth",),
        origin="vggish-10086976.pth of harritaylor/torchvggish",
        chunk=8,
    )
)
