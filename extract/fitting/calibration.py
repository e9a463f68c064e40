"""Untrained networks: batch norms measured once on items of the train split, and kept beside the cache."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fmn.errors import InputError
from fmn.files import open_whole, write_durably
from fmn.item import Item
from fmn.threads import one_thread

from ..media.sizes import centre_crop
from ..networks.untrained import has_norms
from ..weights.checksums import state_sha256
from .train_part import TrainPart

ITEMS = 16
SIDE = 112  # the statistics hardly depend on the frame's size, memory does
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

First = Callable[[Item], Mapping[str, Tensor]]
"""An item's first window as each network (by its name, such as "rgb") wants it: [C, T, H, W], or [T, bands]."""


def untrained_weights(
    networks: Mapping[str, nn.Module],
    seed: int,
    part: TrainPart,
    first: First,
    set_norms: Callable[[Any, list[Tensor]], object],
    *,
    encoder: str,
    title: str,
) -> dict[str, Any]:
    """Set the batch norms of networks that were drawn from `seed`; the `weights` of their encoder's record.

    No labels are used. All windows form one batch, because what differs between batches would be missing in the
    variances. Without a readable item the norms stay as they are.
    """
    weights: dict[str, Any] = {"source": f"random, seed {seed}", "seed": seed}
    if any(map(has_norms, networks.values())):
        make = functools.partial(_small_windows, first=first)
        seen = part.run(f"normalising the untrained {title}", make, items=part.some(ITEMS)).good
        weights["calibrated_on"] = len(seen)
        if seen:
            with one_thread():  # the same statistics on every machine of a kind
                for name, network in networks.items():
                    set_norms(network, [torch.from_numpy(np.stack([seen[item][name] for item in sorted(seen)]))])
            weights["files"] = {"calibration": _save_statistics(part.folder, networks, encoder)}
    weights["sha256"] = {name: state_sha256(network) for name, network in networks.items()}
    return weights


def _small_windows(item: Item, *, first: First) -> dict[str, np.ndarray]:
    """The item's windows; of clips the middle of the picture."""
    return {name: _small(window.numpy()) for name, window in first(item).items()}


def _small(window: np.ndarray) -> np.ndarray:
    if window.ndim == 4:
        side = min(SIDE, *window.shape[2:])
        window = centre_crop(window.transpose(2, 3, 0, 1), side).transpose(2, 3, 0, 1)
    return np.ascontiguousarray(window)


def _save_statistics(cache: Path, networks: Mapping[str, nn.Module], encoder: str) -> str:
    """Write the statistics of all streams to one small safetensors file in `cache`, atomically; its name.

    The name follows the content, so that another settling never overwrites what earlier features were made with.
    """
    tensors = {
        f"{stream}.{name}": value.contiguous()
        for stream, network in networks.items()
        for name, value in network.state_dict().items()
        if name.endswith(STATISTICS)
    }
    content = save(tensors)
    name = f"{encoder}-calibration-{hashlib.sha256(content).hexdigest()[:12]}.safetensors"
    write_durably(cache, name, content)
    return name


def load_calibration(path: Path, stream: str, network: nn.Module) -> None:
    """Put the statistics of `stream` into `network`; InputError when the file is gone or is another one."""
    try:
        open_whole(path).close()  # a pipe in its place would be waited for
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"An untrained encoder of this cache needs its statistics in {path} ({error}). Put the file back, or "
            "extract into another --cache."
        ) from None
    wanted = [name for name in network.state_dict() if name.endswith(STATISTICS)]
    if not all(f"{stream}.{name}" in found for name in wanted):
        raise InputError(f"{path} does not hold the statistics of the {stream} stream. Extract into another --cache.")
    network.load_state_dict({name: found[f"{stream}.{name}"] for name in wanted}, strict=False)
