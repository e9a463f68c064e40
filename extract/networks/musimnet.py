"""MuSimNet (Pretet, Richard and Peeters, 2021): a CNN over mel spectrograms, fitted by a triplet loss.

There are no published weights; this network is small enough to be fitted on a train split in minutes.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fmn.item import Item

from ..encoders.backbone import Window, load_state
from ..media.mel import magnitudes, slaney_bank
from ..media.waveform import RATE, waveform
from ..media.windows import windows

FEATURES = 512
WINDOW, HOP, N_FFT, BANDS = 400, 160, 512, 80
PATCH = 128  # frames: 1.28 s
WIDTHS = (32, 64, 128, 256, 256)

SETTINGS: dict[str, Any] = {
    "rate": RATE,
    "window": WINDOW,
    "hop": HOP,
    "n_fft": N_FFT,
    "bands": f"{BANDS}, Slaney",
    "scaling": "log10(10000 power + 1), mean and deviation of the recording",
    "patch": PATCH,
    "short": "spectrogram repeated to one patch",
}


class MusimNet(nn.Module):
    """Patches [B, T, 80] -> [B, 512], each of length sqrt(512), so that a column has about the size 1."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.blocks = nn.Sequential(*layers)
        self.embedding = nn.Linear(2 * WIDTHS[-1], FEATURES)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.blocks(patches[:, None])
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        y: Tensor = F.normalize(self.embedding(pooled), dim=1) * FEATURES**0.5
        return y


def musimnet() -> MusimNet:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return MusimNet().eval()


def load_musimnet(path: Path) -> MusimNet:
    """The network of a file that fmn-extract saved; else InputError."""
    network = musimnet()
    load_state(network, path, "MuSimNet")
    return network


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """[n >= 400] samples at 16 kHz -> [1 + (n - 400) // 160, 80] float32, of mean 0 and deviation 1 over all of it."""
    mel = np.log10(1e4 * (magnitudes(sound, WINDOW, HOP, N_FFT) ** 2 @ slaney_bank(RATE, N_FFT, BANDS)) + 1.0)
    return np.asarray((mel - mel.mean()) / (mel.std() + 1e-6), np.float32)


def patches(item: Item, preprocessing: Mapping[str, Any]) -> Iterator[Window]:
    """The patches of 128 frames of a recording, the last one moved back to end with it; BadItem when it is none."""
    sound = waveform(item.path, item.start, item.end, RATE)
    for patch, repeated in windows(iter(spectrogram(sound)), PATCH):
        yield Window(torch.from_numpy(patch), repeated, len(sound) / RATE)
