"""The `last` checkpoint: network, optimiser and history in one safetensors file, so that a killed fitting goes on."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fmn.errors import InputError, first_line
from fmn.retrieval.network import FeatureMemoryNetwork
from fmn.tensors import BLANK, KEY, check_seal, write_sealed

LAST_FILE = "last.safetensors"


def save_last(
    path: Path, network: FeatureMemoryNetwork, optimizer: torch.optim.Optimizer, progress: dict[str, Any]
) -> None:
    """Write everything that the next epoch needs. `progress` is JSON-able (epoch, best, history)."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    flat = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_sealed(path, save(flat, metadata={"progress": json.dumps(progress), KEY: BLANK}))


def seal_last(path: Path) -> None:
    """Give a checkpoint the checksum that an earlier version wrote it without; the rest stays as it is.

    Raises InputError where it cannot be read.
    """
    try:
        if check_seal(path):
            return
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise _no_checkpoint(path, error) from None
    write_sealed(path, save(tensors, metadata={**about, KEY: BLANK}))


def load_last(path: Path, network: FeatureMemoryNetwork, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put network and optimiser back as `save_last` found them and return its `progress`."""
    try:
        check_seal(path)
        with safe_open(path, framework="pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        network.load_state_dict(
            {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
        )
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".", 2)
                moments.setdefault(int(index), {})[key] = value
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
        if not isinstance(progress["epoch"], int) or not isinstance(progress["history"], list):
            raise ValueError("progress")
    except (SafetensorError, RuntimeError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _no_checkpoint(path, error) from None
    return dict(progress)


def _no_checkpoint(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} is not a checkpoint of this run and cannot be resumed ({first_line(error)}). Train into another --run "
        "folder."
    )
