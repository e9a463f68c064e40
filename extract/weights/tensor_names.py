"""The names under which the circulating files keep their tensors, and what network a file's names tell of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

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
