"""MusiCNN (Pons and Serra, ISMIR 2019): vertical and horizontal filters over mel spectra, a dense middle, pooling.

The network of the published package `musicnn`, whose weights (MTT_musicnn, fitted on MagnaTagATune) are a TensorFlow
checkpoint; they are read without TensorFlow.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.item import Item

from ..encoders.backbone import Window, load_state
from ..media.mel import magnitudes, slaney_bank
from ..media.waveform import RATE, waveform
from ..media.windows import windows
from ..weights.tensorflow_checkpoint import checkpoint_prefix, read_tensorflow_checkpoint

N_FFT, HOP, BANDS = 512, 256, 96
PATCH = 187  # frames: 3 s
LOUDNESS = 10_000.0  # log10(10000 x + 1)
TIMBRAL, TEMPORAL, MIDDLE, UNITS, TAGS = 204, 51, 64, 200, 50
POOLED = 2 * TIMBRAL + 3 * TEMPORAL + 3 * MIDDLE  # 753 channels are pooled, each by its mean and by its maximum
FEATURES = 2 * POOLED
EPSILON = 1e-3  # of TensorFlow's batch norm

SETTINGS: dict[str, Any] = {
    "rate": RATE,
    "n_fft": N_FFT,
    "hop": HOP,
    "bands": f"{BANDS}, Slaney",
    "scaling": "log10(10000 power + 1)",
    "patch": PATCH,
    "short": "spectrogram repeated to one patch",
    "features": "mean and maximum over time of front end and middle",
}


class Filters(nn.Module):
    """A convolution over [B, 1, T, bands], ReLU, batch norm, and the maximum over what is left of the bands."""

    def __init__(self, channels: int, time: int, bands: int) -> None:
        super().__init__()
        self.time = time
        self.conv = nn.Conv2d(1, channels, (time, bands))
        self.norm = nn.BatchNorm2d(channels, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        before = (self.time - 1) // 2  # TensorFlow's SAME: an odd zero goes to the end
        x = F.pad(x, (0, 0, before, self.time - 1 - before))
        return torch.amax(self.norm(F.relu(self.conv(x))), dim=3)


class Middle(nn.Module):
    """A convolution of 7 frames over all channels, ReLU, batch norm: [B, C, T] -> [B, 64, T]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, MIDDLE, 7, padding=3)
        self.norm = nn.BatchNorm1d(MIDDLE, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(F.relu(self.conv(x)))
        return y


class MusiCnn(nn.Module):
    """log10(10000 mel power + 1) patches [B, T, 96] -> features [B, 1506]; `tags` gives what it was fitted to say."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, eps=EPSILON)
        timbral = [Filters(TIMBRAL, 7, int(share * BANDS)) for share in (0.4, 0.7)]
        self.front = nn.ModuleList([*timbral, *(Filters(TEMPORAL, time, 1) for time in (128, 64, 32))])
        self.middle = nn.ModuleList(Middle(width) for width in (2 * TIMBRAL + 3 * TEMPORAL, MIDDLE, MIDDLE))
        self.pool_norm = nn.BatchNorm1d(FEATURES, eps=EPSILON)
        self.dense = nn.Linear(FEATURES, UNITS)
        self.dense_norm = nn.BatchNorm1d(UNITS, eps=EPSILON)
        self.output = nn.Linear(UNITS, TAGS)

    def pooled(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, 96] -> mean and maximum over time of all 753 channels, each [B, 753]."""
        x = self.norm(patches[:, None])
        front = torch.cat([block(x) for block in self.front], dim=1)
        first = self.middle[0](front)
        second = self.middle[1](first) + first
        third = self.middle[2](second) + second
        every = torch.cat([front, first, second, third], dim=1)
        return every.mean(dim=2), every.amax(dim=2)

    def forward(self, patches: Tensor) -> Tensor:
        """[B, T, 96] -> [B, 1506]: the package's `mean_pool`, then its `max_pool`."""
        return torch.cat(self.pooled(patches), dim=1)

    def penultimate(self, patches: Tensor) -> Tensor:
        """[B, T, 96] -> [B, 200], the package's `penultimate`."""
        mean, most = self.pooled(patches)
        # The package's flattening puts each channel's maximum beside its mean.
        flat = torch.stack([most, mean], dim=2).flatten(1)
        y: Tensor = self.dense_norm(F.relu(self.dense(self.pool_norm(flat))))
        return y

    def tags(self, patches: Tensor) -> Tensor:
        """[B, T, 96] -> [B, 50], the likelihood of each tag of MagnaTagATune."""
        return torch.sigmoid(self.output(self.penultimate(patches)))


def musicnn() -> MusiCnn:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return MusiCnn().eval()


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """[n] samples at 16 kHz -> [1 + n // 256, 96] float32, log10(10000 x + 1) of the mel power.

    The package rounds to half precision on the way (where loud sounds overflow); this does not.
    """
    power = magnitudes(sound, N_FFT, HOP, N_FFT, centred=True) ** 2
    return np.log10(LOUDNESS * (power @ slaney_bank(RATE, N_FFT, BANDS)) + 1.0).astype(np.float32)


def patches(item: Item, preprocessing: Mapping[str, Any]) -> Iterator[Window]:
    """The patches of 187 frames of a recording, the last one moved back to end with it; BadItem when it is none."""
    sound = waveform(item.path, item.start, item.end, RATE)
    for patch, repeated in windows(iter(spectrogram(sound)), PATCH):
        yield Window(torch.from_numpy(patch), repeated, len(sound) / RATE)


def load_musicnn(path: Path) -> MusiCnn:
    """The network of a TensorFlow checkpoint of the package, or of a .safetensors of this module's state dict."""
    prefix = checkpoint_prefix(path)
    if prefix is None:
        network = musicnn()
        load_state(network, path, "MusiCNN")
        return network
    values = read_tensorflow_checkpoint(prefix)
    network = musicnn()
    state: dict[str, Tensor] = {}
    for name, wanted in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        source = tensorflow_name(name)
        if source not in values:
            raise InputError(f"{path} is not the checkpoint of MusiCNN: there is no {source} in it.")
        value = _as_torch(values[source], wanted.ndim)
        if value.shape != wanted.shape:
            raise InputError(
                f"{path}: {source} is {list(values[source].shape)}, which is not MusiCNN's; give the folder "
                "MTT_musicnn of the package musicnn."
            )
        if not torch.isfinite(value).all():
            raise InputError(f"{path}: {source} holds values that are not finite: the file is damaged.")
        state[name] = value
    network.load_state_dict(state, strict=False)
    return network


def installed_musicnn() -> Path | None:
    """The weights' folder in the installed package `musicnn`, which is not imported (it would want TensorFlow)."""
    found = importlib.util.find_spec("musicnn")
    for place in (found.submodule_search_locations or []) if found else []:
        if checkpoint_prefix(folder := Path(place) / "MTT_musicnn"):
            return folder
    return None


def tensorflow_name(name: str) -> str:
    """The checkpoint's name of a weight: its layers are numbered in the order in which the package makes them."""
    module, _, leaf = name.rpartition(".")
    parts = module.split(".")
    if parts[0] in ("front", "middle"):
        number = int(parts[1]) + (5 if parts[0] == "middle" else 0)
        layer, count = ("conv2d", number) if parts[2] == "conv" else ("batch_normalization", number + 1)
    else:
        layer, count = {
            "norm": ("batch_normalization", 0),
            "pool_norm": ("batch_normalization", 9),
            "dense_norm": ("batch_normalization", 10),
            "dense": ("dense", 0),
            "output": ("dense", 1),
        }[module]
    if layer == "batch_normalization":
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    else:
        names = {"weight": "kernel", "bias": "bias"}
    return f"{layer}{f'_{count}' if count else ''}/{names[leaf]}"


def _as_torch(value: np.ndarray, ndim: int) -> Tensor:
    """TensorFlow's [time, bands, 1, out] or [in, out] in torch's order; of the middle the bands are channels."""
    if value.ndim == 4:
        value = value[:, :, 0].transpose(2, 1, 0) if ndim == 3 else value.transpose(3, 2, 0, 1)
    elif value.ndim == 2:
        value = value.T
    return torch.from_numpy(np.array(value, np.float32))
