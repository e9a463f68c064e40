"""VGGish (Hershey et al., ICASSP 2017): a VGG over 0.96 s of log-mel spectrogram, fitted on YouTube's tags, 128-d.

The names of the parameters are those of harritaylor/torchvggish, whose file `vggish-10086976.pth` holds the original
weights. The embedding is the network's own, without the PCA and the 8-bit rounding of the AudioSet release.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fmn.item import Item

from ..encoders.backbone import Window, load_state
from ..media.mel import htk_bank, magnitudes
from ..media.waveform import RATE, waveform
from ..media.windows import windows

FEATURES = 128
WINDOW, HOP, N_FFT, BANDS = 400, 160, 512, 64
LOW, HIGH, OFFSET = 125.0, 7500.0, 0.01
PATCH = 96  # frames: 0.96 s
LAYERS = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0)  # channels of a convolution; 0 is a pooling

SETTINGS: dict[str, Any] = {
    "rate": RATE,
    "window": WINDOW,
    "hop": HOP,
    "n_fft": N_FFT,
    "bands": f"{BANDS}, HTK, {LOW:g} to {HIGH:g} Hz",
    "scaling": f"ln(magnitude + {OFFSET:g})",
    "patch": PATCH,
    "short": "spectrogram repeated to one patch",
}


class Vggish(nn.Module):
    """Log-mel patches [B, 96, 64] -> [B, 128], each at least 0."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in LAYERS:
            if width:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * 6 * 4, 4096),
            nn.ReLU(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, FEATURES),
            nn.ReLU(),
        )

    def forward(self, patches: Tensor) -> Tensor:
        x = self.features(patches[:, None])
        # The original's order is time, band, channel.
        y: Tensor = self.embeddings(x.permute(0, 2, 3, 1).flatten(1))
        return y


def vggish() -> Vggish:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return Vggish().eval()


def load_vggish(path: Path) -> Vggish:
    """The network with the weights of `vggish-10086976.pth` or another file of its names; else InputError."""
    network = vggish()
    load_state(network, path, "VGGish", head=("pproc.",))
    return network


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """[n >= 400] samples at 16 kHz -> [1 + (n - 400) // 160, 64] float32, ln(mel magnitude + 0.01)."""
    mel = magnitudes(sound, WINDOW, HOP, N_FFT) @ htk_bank(RATE, N_FFT, BANDS, LOW, HIGH)
    return np.log(mel + OFFSET).astype(np.float32)


def patches(item: Item, preprocessing: Mapping[str, Any]) -> Iterator[Window]:
    """The patches of 96 frames of a recording, the last one moved back to end with it; BadItem when it is none."""
    sound = waveform(item.path, item.start, item.end, RATE)
    for patch, repeated in windows(iter(spectrogram(sound)), PATCH):
        yield Window(torch.from_numpy(patch), repeated, len(sound) / RATE)
