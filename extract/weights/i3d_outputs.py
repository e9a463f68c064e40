"""Running I3D whole, head and all: what the weights see in a clip, and whether they give the published outputs.

The published sample (deepmind/kinetics-i3d) is one clip as arrays, and the README of that repository prints what the
two-stream network, RGB and flow logits added, makes of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from fmn.errors import InputError

from ..media.frames import frames
from ..media.two_streams import VideoSettings, flow_clip, rgb_clip, stream_windows
from ..networks.i3d import CHANNELS, InceptionI3d

BOTH = "rgb + flow"
KINETICS_400 = Path(__file__).with_name("kinetics400.txt")


@dataclass(frozen=True)
class Guess:
    """One class. `probability`: of the softmax over all classes."""

    index: int
    name: str
    logit: float
    probability: float


@cache
def kinetics_400() -> tuple[str, ...]:
    """The 400 classes of Kinetics (Kay et al. 2017) in the order of the published heads, which is alphabetical."""
    return tuple(KINETICS_400.read_text(encoding="utf-8").splitlines())


def class_name(index: int, classes: int) -> str:
    """The name of class `index` of a head of `classes`; "class 17" where the head is not Kinetics-400's."""
    return kinetics_400()[index] if classes == len(kinetics_400()) else f"class {index}"


def top(logits: np.ndarray, count: int = 5) -> list[Guess]:
    """The `count` most probable classes of float [classes], best first, equal ones in order of index.

    Raises InputError where a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise InputError("The network's outputs are not finite numbers: its weights, or the clip, are damaged.")
    exact = logits.astype(np.float64)
    shares = np.exp(exact - exact.max())
    shares /= shares.sum()
    order = np.argsort(-exact, kind="stable")[:count]
    return [Guess(int(k), class_name(int(k), len(exact)), float(exact[k]), float(shares[k])) for k in order]


@dataclass(frozen=True)
class Expected:
    """Published outputs: the Euclidean norm of the added logits, and the best classes with their logits."""

    norm: float
    top: tuple[tuple[str, float], ...]
    norm_tolerance: float = 1e-3  # relative; other libraries and processors round differently
    logit_tolerance: float = 0.1


PUBLISHED = Expected(
    138.468643,
    (
        ("playing cricket", 41.8137),
        ("hurling (sport)", 21.494),
        ("catching or throwing baseball", 20.1341),
        ("catching or throwing softball", 19.2256),
        ("hitting baseball", 18.9154),
    ),
)


def clip_logits(
    path: str | Path, networks: Mapping[str, InceptionI3d], settings: VideoSettings, device: str = "cpu"
) -> dict[str, np.ndarray]:
    """A video file through the networks of one or both streams ("rgb", "flow"), decoded and shown as for extraction.

    Returns:
        Stream -> logits float64 [classes], the mean over the clip's windows; with two streams also "rgb + flow", their
        sum. Raises BadItem when the clip cannot be used, InputError where the two heads differ.
    """
    _check_heads(networks)
    ready = {stream: network.to(device).eval() for stream, network in networks.items()}
    sums = {stream: np.zeros(network.num_classes) for stream, network in networks.items()}
    count = 0
    with torch.inference_mode():
        for rgb, flow, _ in stream_windows(frames(path, fps=settings.fps), settings):
            count += 1
            for stream, network in ready.items():
                clip = rgb_clip(rgb) if stream == "rgb" else flow_clip(_given(flow))
                sums[stream] += network(clip.to(device))[0].double().cpu().numpy()
    return _with_sum({stream: total / count for stream, total in sums.items()})


def sample_logits(
    arrays: Mapping[str, np.ndarray], networks: Mapping[str, InceptionI3d], device: str = "cpu"
) -> dict[str, np.ndarray]:
    """Preprocessed clips, stream -> float [1, T, H, W, channels] in [-1, 1], whole through their streams' networks.

    Returns as `clip_logits`. Raises InputError where a stream has no network, or the two heads differ.
    """
    missing = [stream for stream in arrays if stream not in networks]
    if missing:
        raise InputError(
            f"The sample's {' and '.join(missing)} array needs {' and '.join(missing)} weights, not given."
        )
    used = {stream: networks[stream] for stream in arrays}
    _check_heads(used)
    found: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        for stream, network in used.items():
            clip = torch.from_numpy(np.ascontiguousarray(arrays[stream].transpose(0, 4, 1, 2, 3), dtype=np.float32))
            found[stream] = network.to(device).eval()(clip.to(device))[0].double().cpu().numpy()
    return _with_sum(found)


def read_sample(path: str | Path) -> tuple[str, np.ndarray]:
    """A preprocessed clip of a .npy file: (its stream, float [1, T, H, W, 3] RGB or [1, T, H, W, 2] flow in [-1, 1]).

    Raises InputError where the file is no such array. Nothing pickled is executed.
    """
    path = Path(path)
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"A sample is a .npy array, and {path} cannot be read as one ({error}).") from error
    streams = {channels: stream for stream, channels in CHANNELS.items()}
    if (
        not isinstance(array, np.ndarray)
        or array.dtype.kind != "f"
        or array.ndim != 5
        or array.shape[0] != 1
        or array.shape[4] not in streams
        or 0 in array.shape
    ):
        told = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else "several arrays"
        raise InputError(f"A sample is floats [1, frames, height, width, 3 (RGB) or 2 (flow)]; {path} holds {told}.")
    if not np.isfinite(array).all() or np.abs(array).max() > 1 + 1e-3:
        raise InputError(
            f"A sample's values are finite and lie in [-1, 1]; those of {path} do not: x / 127.5 - 1 first."
        )
    return streams[array.shape[4]], array


def agreement(logits: np.ndarray, expected: Expected = PUBLISHED) -> str:
    """ "" where logits [classes] are the published outputs, else a phrase that says what differs first."""
    norm = float(np.linalg.norm(logits))
    if not abs(norm - expected.norm) <= expected.norm_tolerance * expected.norm:
        return f"the norm of the logits is {norm:.6f} and should be {expected.norm:.6f}"
    for guess, (name, logit) in zip(top(logits, len(expected.top)), expected.top, strict=True):
        if guess.name != name or abs(guess.logit - logit) > expected.logit_tolerance:
            return f"where {name} should have logit {logit:.4f}, it is {guess.name} with {guess.logit:.4f}"
    return ""


def _check_heads(networks: Mapping[str, InceptionI3d]) -> None:
    heads = {network.num_classes for network in networks.values()}
    if len(heads) > 1:
        told = ", ".join(f"{stream} {network.num_classes}" for stream, network in networks.items())
        raise InputError(f"The logits of two streams add up only for the same classes; the heads have {told}.")


def _with_sum(logits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {**logits, BOTH: logits["rgb"] + logits["flow"]} if len(logits) == 2 else logits


def _given(flow: np.ndarray | None) -> np.ndarray:
    if flow is None:
        raise InputError("The flow network needs a flow method: tvl1 or dis, not none.")
    return flow
