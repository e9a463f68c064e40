"""Audio encoder `musicnn`: MusiCNN over patches of a mel spectrogram, 1506-d.

Its published weights are a TensorFlow checkpoint of the Python package `musicnn`; both are read without TensorFlow.
"""

import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fmn.errors import InputError

from ..media.mel import magnitudes, slaney_bank
from ..media.waveform import RATE
from ..networks.musicnn import BANDS, FEATURES, PATCH, MusiCnn, musicnn
from ..weights.state_file import load_state
from ..weights.tensorflow_checkpoint import checkpoint_prefix, read_tensorflow_checkpoint
from .backbone import Backbone, always, backbone_entry, spectrogram_patches

N_FFT, HOP = 512, 256
LOUDNESS = 10_000.0  # log10(10000 x + 1)

PREPROCESSING: dict[str, Any] = {
    "rate": RATE,
    "n_fft": N_FFT,
    "hop": HOP,
    "bands": f"{BANDS}, Slaney",
    "scaling": "log10(10000 power + 1)",
    "patch": PATCH,
    "short": "spectrogram repeated to one patch",
    "features": "mean and maximum over time of front end and middle",
}


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """[n] samples at 16 kHz -> [1 + n // 256, 96] float32, log10(10000 x + 1) of the mel power.

    The package rounds to half precision on the way (where loud sounds overflow); this does not.
    """
    power = magnitudes(sound, N_FFT, HOP, N_FFT, centred=True) ** 2
    return np.log10(LOUDNESS * (power @ slaney_bank(RATE, N_FFT, BANDS)) + 1.0).astype(np.float32)


patches = functools.partial(spectrogram_patches, spectrogram=spectrogram, length=PATCH)


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


MUSICNN = backbone_entry(
    Backbone(
        modality="audio",
        name="musicnn",
        title="MusiCNN",
        dim=FEATURES,
        build=musicnn,
        load=load_musicnn,
        preprocessing=functools.partial(always, PREPROCESSING),
        windows=patches,
        names=("MTT_musicnn", "musicnn.safetensors"),
        origin="the folder musicnn/MTT_musicnn of the Python package musicnn (pip download --no-deps musicnn)",
        elsewhere=installed_musicnn,
        chunk=8,
    )
)
