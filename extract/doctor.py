"""What this machine can do for an extraction, what is missing, and what to do about it. What fmn-doctor shows."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import av
import psutil
import torch
from av.codec.codec import UnknownCodecError

import fmn
from fmn.cache.check import Problem, inspect, verify
from fmn.child import GIB
from fmn.errors import InputError
from fmn.install import hint
from fmn.workers import cores

from .failures import troubles
from .networks.i3d_fast import inference_dtype
from .weights.folder import find_i3d, told_folder, weights_folder

GOOD, NOTE, TROUBLE = "good", "note", "trouble"
PACKAGES = ("torch", "av", "h5py", "numpy", "opencv-contrib-python-headless", "dask", "distributed")
DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "aac", "mp3", "opus", "vorbis", "flac", "pcm_s16le")
EXTRAS = {"zoo": "pytorchvideo", "compare": "cca_zoo", "speech": "espeakng_loader", "demo": "sklearn"}
"""Extra of setup.cfg -> a package that it brings."""
LEAST_MEMORY = 4 * GIB  # I3D at full size on two workers
LEAST_ROOM = 2 * GIB


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state`: "good", "note" (something is not there and need not be) or "trouble"."""

    what: str
    state: str
    found: str
    advice: str = ""


def look(cache: Path | None = None) -> Iterator[Finding]:
    """Everything that can be told without extracting anything.

    Args:
        cache: a cache folder to be verified, too.
    """
    yield from _versions()
    yield from _machine()
    yield from _media()
    yield from _weights()
    yield from _extras()
    if cache is not None:
        yield from _cache(cache)


def _versions() -> Iterator[Finding]:
    yield Finding("fmn", GOOD, f"{fmn.__version__} under Python {platform.python_version()} ({hint()})")
    yield Finding("packages", GOOD, ", ".join(f"{name} {_version(name)}" for name in PACKAGES))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(from elsewhere)"


def _machine() -> Iterator[Finding]:
    free, room = psutil.virtual_memory().available, shutil.disk_usage(Path.cwd()).free
    fast = inference_dtype(torch.device("cpu")) == torch.bfloat16
    speed = "bf16 in hardware" if fast else "no bf16: I3D takes twice as long"
    few = free < LEAST_MEMORY
    advice = "Free some memory, or give --workers 1." if few else ""
    yield Finding("processor", NOTE if few else GOOD, f"{cores()} cores, {free / GIB:.1f} GiB free, {speed}", advice)
    if torch.cuda.is_available():
        yield Finding("GPU", GOOD, ", ".join(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())))
    elif torch.version.cuda:
        yield Finding("GPU", NOTE, "none answers", "See nvidia-smi: torch is built for CUDA and finds no device.")
    else:
        yield Finding("GPU", NOTE, "none: torch is built without CUDA", "A GPU wants a torch build with CUDA.")
    full = room < LEAST_ROOM
    advice = "Make room: clips are decoded into a scratch folder for fitting." if full else ""
    yield Finding("disk", TROUBLE if full else GOOD, f"{room / GIB:.1f} GiB free in {Path.cwd()}", advice)


def _media() -> Iterator[Finding]:
    version = ".".join(map(str, av.library_versions["libavcodec"]))
    lacking = [name for name in DECODERS if not _decodes(name)]
    if lacking:
        advice = "Reinstall PyAV from its own wheel, whose FFmpeg has all of them."
        yield Finding("decoders", TROUBLE, f"libavcodec {version} lacks {', '.join(lacking)}", advice)
    else:
        yield Finding("decoders", GOOD, f"libavcodec {version}: {', '.join(DECODERS)}")


def _decodes(name: str) -> bool:
    try:
        av.codec.Codec(name, "r")
    except UnknownCodecError:
        return False
    return True


def _weights() -> Iterator[Finding]:
    found = find_i3d(("rgb", "flow"))
    if len(found) == 2:
        yield Finding("I3D weights", GOOD, ", ".join(str(path) for path in found.values()))
        return
    there = f"only {', '.join(found)} in {weights_folder()}" if found else f"none in {weights_folder()}"
    advice = (
        f"Put rgb_imagenet.pt and flow_imagenet.pt into {told_folder()}, or try fmn-weights fetch i3d-rgb i3d-flow. "
        "Without them I3D is fitted on your train split."
    )
    yield Finding("I3D weights", NOTE, there, advice)


def _extras() -> Iterator[Finding]:
    for extra, package in EXTRAS.items():
        if find_spec(package) is not None:
            yield Finding(f"extra {extra}", GOOD, f"{package} is here")
        else:
            yield Finding(f"extra {extra}", NOTE, f"{package} is not here", hint(extra))


def _cache(cache: Path) -> Iterator[Finding]:
    problems: list[Problem] = []
    try:
        problems = verify(cache)
        for problem in problems:
            yield Finding("cache", TROUBLE, f"{problem.file}: {problem.what}", f"fmn-cache repair {cache}")
        summary = inspect(cache)
    except InputError as error:
        if not problems:
            yield Finding("cache", TROUBLE, str(error))
        return
    counts = [f"{each.items} {each.record.modality} of {each.record.name}" for each in summary.encoders]
    if not problems:
        yield Finding("cache", GOOD, f"{cache}: {', '.join(counts) or 'nothing yet'}")
    for kind, several in troubles(summary.failures).items():
        yield Finding("failed items", NOTE, f"{len(several)} {kind.name}", kind.advice)
    if summary.failures:
        yield Finding("failed items", NOTE, f"{len(summary.failures)} in all", f"fmn-cache failures {cache}")
    for warning in summary.warnings:
        yield Finding("features", NOTE, warning)
