"""A weights file as tensors by name, and these tensors in a network: strictly, with a sentence for every wrong file."""

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fmn.errors import InputError

from .checksums import require_file, weights_file
from .known import KNOWN, Catalogue, by_blob
from .sniff import CUT, TENSORFLOW, Finding, is_safetensors, sniff

WRAPPERS = ("state_dict", "model_state")  # dicts that hold the weights under such a name


def read_state(path: str | Path, catalogue: Catalogue = KNOWN) -> dict[str, Tensor]:
    """The tensors of a weights file by name, as they are stored, on the CPU; whatever network they are of.

    Raises InputError when the file is missing, unreadable or no state dict.
    """
    path = Path(path)
    require_file(path)
    finding = sniff(path)
    content: Any = None
    if finding is None:
        try:
            if is_safetensors(path):
                content = load_file(path)
            else:
                with path.open("rb") as file:  # by a path torch would go by the name's ending
                    content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever broken bytes may raise in either reader
            finding = _unreadable(error)
    if finding is not None:
        known = by_blob(weights_file(path).git_blob, catalogue)
        if known and known.layout == "tensorflow":
            finding = TENSORFLOW
        raise InputError(f"{path} is {finding.what}{f' ({known.published})' if known else ''}: {finding.remedy}.")
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(
            f"{path} holds no state dict (names to tensors) but a {type(content).__name__}: save the network's "
            "state_dict() and give that."
        )
    return {str(name): value for name, value in content.items()}


def load_state(network: nn.Module, path: Path, title: str, head: tuple[str, ...] = ()) -> None:
    """Put the weights of a file (torch's or .safetensors) into `network`, strictly, leaving out the file's head.

    Args:
        title: the network's name for sentences.
        head: beginnings of names that the file may have and the features do not need, such as "fc8.".

    Raises:
        InputError: missing, unreadable, of another network (by names or shapes), or not finite.
    """
    state = {name.removeprefix("module."): value for name, value in read_state(path).items()}
    put_state(network, {name: value for name, value in state.items() if not name.startswith(head)}, path, title)


def put_state(
    network: nn.Module, state: Mapping[str, Tensor], path: Path, title: str, spelt: Mapping[str, str] | None = None
) -> None:
    """Put `state` into `network`. `path`, `title` and `spelt` (a name -> how the file spells it) are for sentences.

    Raises InputError where names are missing or unknown, a shape is another network's, or a value is not finite.
    """
    spelt = spelt or {}
    wanted = network.state_dict()
    optional = {name for name in wanted if name.endswith(".num_batches_tracked")}  # missing in old files
    missing = sorted(wanted.keys() - optional - state.keys())
    unexpected = sorted(spelt.get(name, name) for name in state.keys() - wanted.keys())
    if missing or unexpected:
        parts = [
            f"{len(names)} {word} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for word, names in (("missing", missing), ("unexpected", unexpected))
            if names
        ]
        raise InputError(f"{path} does not hold the weights of {title}: {' and '.join(parts)}.")
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            raise InputError(
                f"{path}: {spelt.get(name, name)} must be {list(wanted[name].shape)} for {title} and is "
                f"{list(value.shape)}: the file is of another network."
            )
        if not torch.isfinite(value).all():
            raise InputError(f"{path}: {spelt.get(name, name)} holds values that are not finite: the file is damaged.")
    network.load_state_dict(state, strict=False)


def _unreadable(error: Exception) -> Finding:
    said = str(error)
    pickled = re.search(r"Unsupported (?:global: GLOBAL|class) ([\w.]+)", said)
    if pickled:
        return Finding(
            f"no state dict: it holds a pickled object ({pickled[1]}), which could run any code and was not opened",
            "where it was made, save the network's state_dict(), best as .safetensors",
        )
    if isinstance(error, (EOFError, IndexError, struct.error)) or re.search(
        r"EOF|incomplete|not fully covered|central directory", said
    ):
        return Finding("cut off (its last tensors are missing)", CUT)
    return Finding(
        f"damaged or of another kind: it cannot be read as weights ({type(error).__name__})",
        "fetch it again, or save the network's state_dict() as .safetensors",
    )
