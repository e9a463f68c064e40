"""Which file, and which network, weights are: checksums for provenance and for knowing published files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from fmn.errors import InputError

from .known import KNOWN, Catalogue, by_blob


@dataclass(frozen=True)
class WeightsFile:
    """Which file the weights are. `published` names the repository and file when the content is a published one's."""

    path: str
    sha256: str
    git_blob: str
    published: str


def weights_file(path: str | Path, catalogue: Catalogue = KNOWN) -> WeightsFile:
    """Checksums of the file's content. InputError when there is no such file."""
    path = Path(path)
    require_file(path)
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            blob.update(chunk)
    known = by_blob(blob.hexdigest(), catalogue)
    return WeightsFile(str(path), sha256.hexdigest(), blob.hexdigest(), known.published if known else "")


def state_sha256(network: torch.nn.Module) -> str:
    """sha256 of a network's names, shapes and values: the provenance of weights that come from no file."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def require_file(path: Path) -> None:
    """InputError unless `path` is a file."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"Weights must be a .pt, .pth or .safetensors file, and {path} {what}: correct the path.")
