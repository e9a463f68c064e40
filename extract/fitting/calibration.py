"""Batch-norm statistics for untrained I3D: measured once on clips of the train split, kept beside the cache."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fmn.errors import BadItem, InputError
from fmn.files import write_durably
from fmn.item import Item

from ..media.sizes import centre_crop
from ..media.two_streams import VideoSettings, first_window, flow_clip, rgb_clip
from ..networks.i3d import InceptionI3d, calibrate

if TYPE_CHECKING:
    from ..encoders.door import Settling

CLIPS = 16
SIDE = 112  # the statistics hardly depend on the frame's size, memory does
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def calibrated(networks: Mapping[str, InceptionI3d], settings: VideoSettings, settling: "Settling") -> int:
    """Set the batch norms of the untrained `networks` (by stream) from the first windows of some train clips.

    No labels are used. The clips are spread evenly over the ids of the train split; all of them form one batch,
    because what differs between batches would be missing in the variances.

    Returns:
        How many clips were used; 0 leaves the networks as they are.
    """
    items = sorted(settling.train, key=lambda item: item.id)
    chosen = [items[at] for at in sorted({round(x) for x in np.linspace(0, len(items) - 1, min(CLIPS, len(items)))})]
    settling.watcher.stage("normalising the untrained I3D", len(chosen))
    seen: dict[str, tuple[NDArray[np.uint8], NDArray[np.float32] | None]] = {}
    for batch in settling.map(functools.partial(first_windows_on_worker, settings=settings), chosen, 1):
        seen |= {item.id: found for item, found in batch if not isinstance(found, BadItem)}
        settling.watcher.step(len(batch), sum(isinstance(found, BadItem) for _, found in batch))
    if not seen:
        return 0
    taken = [seen[name] for name in sorted(seen)]
    clips: dict[str, Tensor] = {"rgb": torch.cat([rgb_clip(rgb) for rgb, _ in taken])}
    if "flow" in networks:
        clips["flow"] = torch.cat([flow_clip(flow) for _, flow in taken if flow is not None])
    for stream, network in networks.items():
        calibrate(network, [clips[stream]])
    return len(taken)


def first_windows_on_worker(
    items: Sequence[Item], *, settings: VideoSettings
) -> list[tuple[NDArray[np.uint8], NDArray[np.float32] | None] | BadItem]:
    """(RGB window, flow window or None) of each clip, or the BadItem that it is."""
    found: list[tuple[NDArray[np.uint8], NDArray[np.float32] | None] | BadItem] = []
    for item in items:
        try:
            rgb, flow = first_window(item, settings)
            found.append((_small(rgb), None if flow is None else _small(flow)))
        except BadItem as bad:
            found.append(bad)
    return found


def save_calibration(cache: Path, networks: Mapping[str, nn.Module], encoder: str = "i3d") -> str:
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


def _small(window: NDArray[Any]) -> NDArray[Any]:
    side = min(SIDE, window.shape[1])
    return np.stack([centre_crop(frame, side) for frame in window])
