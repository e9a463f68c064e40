"""ImageNet's Inception-v1 as the beginning of I3D: every 2-D filter is repeated through time.

Carreira and Zisserman (CVPR 2017), section 2.4.1: N x N filters become N x N x N, divided by N, so that the network
answers to a clip of one still picture as the 2-D network answers to the picture.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from fmn.errors import InputError

from ..networks.i3d import InceptionI3d

_STEM = {"conv1": "Conv3d_1a_7x7", "conv2": "Conv3d_2b_1x1", "conv3": "Conv3d_2c_3x3"}
_BRANCHES = {"1": "b0", "2.0": "b1a", "2.1": "b1b", "3.0": "b2a", "3.1": "b2b", "4.1": "b3b"}
_LEFT_OUT = re.compile(r"(aux\d?|fc)\.|.*num_batches_tracked$")


def inflated_i3d(state: Mapping[str, Tensor], in_channels: int, classes: int, path: Path) -> InceptionI3d:
    """An I3D from the 2-D `state`, in the names of torchvision's GoogLeNet (`inception3a.branch2.1.conv.weight`).

    Its classifiers are left out; the head is new. A stream of 2 channels gets the mean filter over the colours for each
    (Wang et al. 2016, cross-modality initialisation). That network takes pixels in [-1, 1], as I3D does.
    `path` is for messages. Raises InputError when a tensor is missing, unknown or of another shape.
    """
    network = InceptionI3d(in_channels, classes)
    wanted = {
        name: value for name, value in network.state_dict().items()
        if not name.startswith("logits.") and not name.endswith("num_batches_tracked")
    }  # fmt: skip
    given = {_i3d_name(name): value for name, value in state.items() if not _LEFT_OUT.match(name)}
    if given.keys() != wanted.keys():
        differ = sorted(given.keys() ^ wanted.keys())
        raise InputError(
            f"{path} does not hold an Inception-v1 in torchvision's names: {len(differ)} tensors are missing or too "
            f"many ({', '.join(differ[:3])}, ...). Give the state dict of torchvision's googlenet."
        )
    for name, value in given.items():
        filled = _through_time(value, wanted[name], in_channels)
        if filled.shape != wanted[name].shape or not filled.isfinite().all():
            raise InputError(
                f"{path}: {name} must be finite and of shape {list(wanted[name].shape)} once inflated, and it is "
                f"{list(filled.shape)}: the file is damaged or of another network."
            )
        wanted[name].copy_(filled)
    network.load_state_dict(wanted, strict=False)
    return network


def _through_time(value: Tensor, wanted: Tensor, in_channels: int) -> Tensor:
    if value.ndim != 4 or wanted.ndim != 5:
        return value
    if value.shape[1] == 3 and in_channels == 2:
        value = value.mean(dim=1, keepdim=True).expand(-1, 2, -1, -1) * 1.5  # 3 colours' answer from 2 components
    times = wanted.shape[2]
    return value[:, :, None].expand(-1, -1, times, -1, -1) / times


def _i3d_name(name: str) -> str:
    part, _, rest = name.partition(".")
    if part in _STEM:
        part = _STEM[part]
    elif match := re.match(r"inception(\d)([a-e])$", part):
        branch = re.match(r"branch(1|[234]\.[01])\.(.+)$", rest)
        if branch and branch[1] in _BRANCHES:
            # I3D counts the pool before the blocks: its Mixed_3b is inception3a.
            part, rest = f"Mixed_{match[1]}{chr(ord(match[2]) + 1)}.{_BRANCHES[branch[1]]}", branch[2]
    return f"{part}.{re.sub('^conv[.]', 'conv3d.', rest)}"
