"""The Bi-LSTM as a weights file: safetensors, its settings and what it was fitted on as JSON in the header."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fmn.errors import InputError
from fmn.files import write_durably

from ..networks.bilstm import POOLINGS, BiLstm

KIND = "fmn.bilstm"
SCHEMA = 1
LARGEST = 65_536  # of the sizes in a weights file: what is above was not written by us


def bilstm_bytes(network: BiLstm) -> bytes:
    """The weights file. Equal weights and facts give equal bytes."""
    about = {
        "kind": KIND,
        "schema": SCHEMA,
        "input_dim": network.input_dim,
        "units": network.units,
        "stack": network.stack,
        "pooling": network.pooling,
        "fitted_on": network.fitted_on,
    }
    tensors = {name: tensor.detach().float().contiguous() for name, tensor in network.state_dict().items()}
    return save(tensors, metadata={"fmn": json.dumps(about, sort_keys=True)})


def bilstm_sha256(network: BiLstm) -> str:
    """sha256 (hex) of the weights file, whether or not it was written."""
    return hashlib.sha256(bilstm_bytes(network)).hexdigest()


def save_bilstm(network: BiLstm, path: str | Path) -> str:
    """Write the weights file, durably, and return its sha256."""
    content = bilstm_bytes(network)
    write_durably(Path(path).parent, Path(path).name, content)
    return hashlib.sha256(content).hexdigest()


def load_bilstm(path: str | Path) -> BiLstm:
    """Read a weights file that `save_bilstm` wrote. Raises InputError when it is missing or is something else."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no Bi-LSTM weights file at {path}; give the path of one that fmn-extract saved.")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("fmn", "{}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        about = json.loads(header)
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as safetensors ({error}); give another file.") from error
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise InputError(
            f"{path} is a safetensors file but not Bi-LSTM weights of this tool (its header does not say {KIND!r}); "
            "give a file that fmn-extract saved."
        )
    if about.get("schema") != SCHEMA:
        raise InputError(f"{path} has schema {about.get('schema')} and this tool reads schema {SCHEMA}; fit it again.")
    with torch.device("meta"):
        model = _described(about, path)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wanted != found:
        differ = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        listed = ", ".join(f"{name} {found.get(name, 'missing')} for {wanted.get(name, 'none')}" for name in differ[:4])
        raise InputError(f"The tensors of {path} do not fit its header ({listed}); the file is damaged, fit it again.")
    if not all(tensor.dtype == torch.float32 and bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise InputError(f"{path} holds weights that are not finite float32; the file is damaged, fit it again.")
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def _described(about: Mapping[str, Any], path: Path) -> BiLstm:
    """The network that the header of a weights file describes."""
    sizes = {name: about.get(name) for name in ("input_dim", "units", "stack")}
    whole = {name: size for name, size in sizes.items() if isinstance(size, int) and 0 < size <= LARGEST}
    pooling, fitted_on = about.get("pooling"), about.get("fitted_on")
    if whole.keys() != sizes.keys() or pooling not in POOLINGS or not isinstance(fitted_on, dict):
        raise InputError(
            f"The header of {path} has no sound input_dim, units, stack, pooling and fitted_on; the file is damaged."
        )
    return BiLstm(**whole, pooling=pooling, fitted_on=fitted_on)
