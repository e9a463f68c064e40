"""Which weights a backbone gets: a given file, published ones found here, or random ones - and then said everywhere."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fmn.cache import EncoderRecord
from fmn.errors import BadItem, InputError
from fmn.item import Item

from ..fitting.calibration import CLIPS, SIDE, load_calibration, save_calibration
from ..media.sizes import centre_crop
from ..networks.untrained import draw_weights, has_norms, set_norms
from ..weights.folder import told_folder
from ..weights.identity import state_sha256
from .backbone import Backbone
from .door import Settling
from .settings import AUTO, RANDOM, ExtractSettings


def given_weights(backbone: Backbone, settings: ExtractSettings) -> str:
    """What the user said of this backbone's weights: "auto", "random:SEED" or a path."""
    given = settings.video_weights if backbone.modality == "video" else settings.audio_weights
    return "auto" if given in AUTO else given


def asked_weights(backbone: Backbone, settings: ExtractSettings) -> dict[str, Any]:
    """The part of the settings that decides the weights; for `auto` it matters which are on this machine now.

    Raises InputError where they are named in a way that nobody understands, or are not there.
    """
    given = given_weights(backbone, settings)
    option = f"--{backbone.modality}-weights"
    if given.startswith("random") and not RANDOM.fullmatch(given):
        raise InputError(f"Random weights are written random:SEED, such as random:0; got {option} {given!r}.")
    if given != "auto" and not RANDOM.fullmatch(given):
        if not Path(given).exists():
            raise InputError(
                f"{option} takes one file for {backbone.title}, random:SEED or auto, and there is no {given}: correct "
                "the path."
            )
        given = str(Path(given).resolve())
    found = backbone.found() if given == "auto" else None
    return {"weights": given, "found": [str(found)] if found else [], "seed": settings.seed}


def settle_weights(
    backbone: Backbone, settling: Settling, preprocessing: Mapping[str, Any]
) -> tuple[dict[str, Any], str, str]:
    """Decide on the weights and check them; those that cannot be had again are kept in the cache folder.

    Returns:
        (`weights` of the record, its warning, what to tell of them).
    """
    given = given_weights(backbone, settling.settings)
    published = backbone.found() if given == "auto" else None
    if match := RANDOM.fullmatch(given):
        seed, why = int(match[1]), "as asked for"
    elif given == "auto" and published is None:
        seed = settling.settings.seed
        why = (
            f"for want of published weights; {backbone.origin}, put into {told_folder()} as {backbone.names[0]}, "
            "would do much better"
        )
    else:
        path = (published or Path(given)).resolve()
        network = backbone.load(path)
        weights: dict[str, Any] = {"source": str(path), "path": str(path), "sha256": {"network": state_sha256(network)}}
        return weights, "", f"{backbone.title}, {path.name}"
    network = draw_weights(backbone.build(), seed)
    weights = {"source": f"random, seed {seed}", "seed": seed}
    if has_norms(network) and (seen := _first_windows(backbone, settling, preprocessing)):
        set_norms(network, torch.stack(seen))
        weights["calibrated_on"] = len(seen)
        weights["files"] = {"calibration": save_calibration(settling.cache, {"network": network}, backbone.name)}
    weights["sha256"] = {"network": state_sha256(network)}
    warning = f"{backbone.modality} encoder: untrained {backbone.title} (random weights, seed {seed}), {why}."
    return weights, warning, f"untrained {backbone.title}"


def recorded_network(backbone: Backbone, record: EncoderRecord, cache: Path) -> nn.Module:
    """The network of a record; InputError when its weights are gone or are others now."""
    weights = record.weights
    if "seed" in weights:
        network = draw_weights(backbone.build(), int(weights["seed"]))
        if "calibration" in weights.get("files", {}):
            load_calibration(cache / weights["files"]["calibration"], "network", network)
        told = "what this version of torch draws from the seed"
    else:
        kept = weights.get("files", {}).get("network")  # fitted here
        path = cache / kept if kept else Path(str(weights.get("path", "")))
        network, told = backbone.load(path), str(path)
    wanted, found = weights["sha256"]["network"], state_sha256(network)
    if found != wanted:
        raise InputError(
            f"Encoding needs the weights of {backbone.title} that the cache was made with (sha256 {wanted[:12]}); "
            f"{told} is something else ({found[:12]}). Put the right ones back."
        )
    return network


def _first_windows(backbone: Backbone, settling: Settling, preprocessing: Mapping[str, Any]) -> list[Tensor]:
    """The first windows of some items of the train split, spread evenly over their ids."""
    items = sorted(settling.train, key=lambda item: item.id)
    chosen = [items[at] for at in sorted({round(x) for x in np.linspace(0, len(items) - 1, min(CLIPS, len(items)))})]
    settling.watcher.stage(f"normalising the untrained {backbone.title}", len(chosen))
    task = functools.partial(first_windows_on_worker, backbone=backbone, preprocessing=preprocessing)
    seen: dict[str, np.ndarray] = {}
    for batch in settling.map(task, chosen, 1):
        seen |= {item.id: found for item, found in batch if not isinstance(found, BadItem)}
        settling.watcher.step(len(batch), sum(isinstance(found, BadItem) for _, found in batch))
    return [torch.from_numpy(seen[name]) for name in sorted(seen)]


def first_windows_on_worker(
    items: Sequence[Item], *, backbone: Backbone, preprocessing: Mapping[str, Any]
) -> list[np.ndarray | BadItem]:
    """The first window of each item (of clips the middle of the picture), or the BadItem that it is."""
    found: list[np.ndarray | BadItem] = []
    for item in items:
        try:
            window = next(backbone.windows(item, preprocessing)).input.numpy()
        except BadItem as bad:
            found.append(bad)
            continue
        if backbone.modality == "video":  # the statistics hardly depend on the frame's size, memory does
            side = min(SIDE, *window.shape[2:])
            window = centre_crop(window.transpose(2, 3, 0, 1), side).transpose(2, 3, 0, 1)
        found.append(np.ascontiguousarray(window))
    return found
