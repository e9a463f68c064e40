"""The video encoder: a clip through two-stream I3D, window by window, averaged to one vector.

Carreira & Zisserman (CVPR 2017): one network sees the frames, the other the optical flow between them. The paper's
video feature is both networks' 1024 averages after Mixed_5c, side by side.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import tee
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fmn.cache import EncoderRecord, Item, Row
from fmn.errors import InputError
from fmn.extract.flow import BOUND, LEVELS, METHODS, flow_fields, quantise
from fmn.extract.frame_size import centre_crop, resize_short_side
from fmn.extract.i3d import FEATURES, InceptionI3d
from fmn.extract.i3d_fast import FastI3d
from fmn.extract.video import frames
from fmn.extract.windows import windows

NAME = "i3d"
NO_FLOW = "none"
DTYPES: dict[str, torch.dtype | None] = {"auto": None, "bf16": torch.bfloat16, "fp32": torch.float32}


def streams_of(flow: str) -> tuple[str, ...]:
    """The streams that a flow method gives: RGB alone for "none", else both."""
    return ("rgb",) if flow == NO_FLOW else ("rgb", "flow")


@dataclass(frozen=True)
class VideoSettings:
    """How a clip is shown to the networks.

    `flow`: "tvl1", "dis" or "none" (RGB only, 1024-d instead of 2048-d). `short_side`, `crop`: pixels. `window`:
    frames, at `fps` frames a second. `dtype`: "bf16", "fp32" or "auto", which is bf16 where the device computes in it.
    Raises InputError for a value out of range.
    """

    flow: str = "tvl1"
    short_side: int = 256
    crop: int = 224
    window: int = 64
    fps: float = 25.0
    dtype: str = "auto"

    def __post_init__(self) -> None:
        if self.flow not in (*METHODS, NO_FLOW):
            raise InputError(f"The flow method is one of {', '.join((*METHODS, NO_FLOW))}; got {self.flow!r}.")
        if self.dtype not in DTYPES:
            raise InputError(f"The number type of I3D is one of {', '.join(DTYPES)}; got {self.dtype!r}.")
        if not 1 <= self.crop <= self.short_side:
            raise InputError(
                f"The crop must be at least 1 pixel and fit the short side; got crop {self.crop}, short side "
                f"{self.short_side}."
            )
        if self.window < 1 or not self.fps > 0:
            raise InputError(f"Windows need a frame and fps above 0; got window {self.window}, fps {self.fps}.")

    @property
    def dim(self) -> int:
        """Length of an item's vector."""
        return FEATURES if self.flow == NO_FLOW else 2 * FEATURES


class TwoStreamI3d:
    """Clips -> [rgb, flow] vectors. Holds some windows of frames and flow, whatever the clip's length.

    `flow_network` is None exactly when `settings.flow` is "none". The networks are copied for inference, not changed.
    Raises InputError when a network does not fit its stream.
    """

    def __init__(
        self,
        rgb_network: InceptionI3d,
        flow_network: InceptionI3d | None,
        settings: VideoSettings,
        device: torch.device | str = "cpu",
    ) -> None:
        if (flow_network is None) != (settings.flow == NO_FLOW):
            raise InputError(
                f"A flow network goes with a flow method: got flow {settings.flow!r} and "
                f"{'no' if flow_network is None else 'a'} flow network."
            )
        self.settings = settings
        self.rgb = _fast(rgb_network, 3, settings, device)
        self.flow = None if flow_network is None else _fast(flow_network, 2, settings, device)

    def encode(self, item: Item) -> Row:
        """The item's vector: [1024 RGB, 1024 flow] (RGB only without flow), each the plain mean over its windows.

        `Row.seconds` is the duration read, `Row.repeated` the frames by which a clip shorter than one window was
        looped. Raises BadItem when the clip cannot be used.
        """
        shown = _Counted(frames(item.path, item.start, item.end, self.settings.fps))
        total = np.zeros(self.settings.dim, np.float64)
        count = repeated = 0
        for rgb, flow, added in stream_windows(shown, self.settings):
            vectors = [self.rgb.features(rgb_clip(rgb))]
            if self.flow is not None and flow is not None:
                vectors.append(self.flow.features(flow_clip(flow)))
            total += torch.cat(vectors, dim=1)[0].double().cpu().numpy()
            count += 1
            repeated += added
        return Row(
            item=item,
            features=(total / count).astype(np.float32),
            seconds=shown.count / self.settings.fps,
            windows=count,
            repeated=repeated,
        )


def stream_windows(
    shown: Iterable[np.ndarray], settings: VideoSettings
) -> Iterator[tuple[np.ndarray, np.ndarray | None, int]]:
    """Frames uint8 [H, W, 3] -> windows as both streams see them, resized and cropped.

    Yields:
        (RGB uint8 [T, crop, crop, 3], flow float32 [T, crop, crop, 2] in pixels or None without flow, frames looped).
    """
    resized = (resize_short_side(frame, settings.short_side) for frame in shown)
    if settings.flow == NO_FLOW:
        for window, added in windows((_cropped(frame, settings.crop) for frame in resized), settings.window):
            yield window, None, added
        return
    # The two streams stay within one window of each other; tee holds that (and lets go in blocks of 57).
    for_rgb, for_flow = tee(resized)
    rgb = windows((_cropped(frame, settings.crop) for frame in for_rgb), settings.window)
    # Flow sees the whole frame and is cropped afterwards: motion across the crop's border counts.
    fields = (_cropped(field, settings.crop) for field in flow_fields(for_flow, settings.flow))
    for (window, added), (flow, _) in zip(rgb, windows(fields, settings.window), strict=True):
        yield window, flow, added


def first_window(item: Item, settings: VideoSettings) -> tuple[np.ndarray, np.ndarray | None]:
    """The (RGB, flow or None) window at the beginning of a clip, of `stream_windows`. BadItem when there is none."""
    shown = frames(item.path, item.start, item.end, settings.fps)
    rgb, flow, _ = next(stream_windows(shown, settings))
    return rgb, flow


def rgb_clip(window: np.ndarray) -> Tensor:
    """uint8 [T, H, W, 3] RGB -> float32 [1, 3, T, H, W] in [-1, 1]: x / 127.5 - 1, as the published weights saw it."""
    return _clip(window.astype(np.float32) / 127.5 - 1.0)


def flow_clip(window: np.ndarray) -> Tensor:
    """float32 [T, H, W, 2] flow in pixels -> float32 [1, 2, T, H, W] in [-1, 1], clipped and quantised."""
    return _clip(quantise(window))


def video_record(
    settings: VideoSettings, weights: Mapping[str, Any], warning: str, notes: Mapping[str, Any] | None = None
) -> EncoderRecord:
    """The provenance of features made with `settings`.

    Args:
        weights: "source" and "sha256" (by stream: "rgb", "flow"), and what else is worth recording.
        warning: the sentence for every table made from these features, "" for none.
        notes: more facts, no part of the fingerprint.

    A number type that was chosen is part of the fingerprint. "auto" is not: for trained networks bf16 and fp32 features
    are close enough to stand in one cache, so that a cache begun on one machine can go on on another.
    """
    preprocessing = asdict(settings)
    if settings.dtype == "auto":
        del preprocessing["dtype"]
    preprocessing |= {"rgb_scaling": "x / 127.5 - 1", "average": "over time, space and windows after Mixed_5c"}
    if settings.flow != NO_FLOW:
        preprocessing |= {"flow_bound": BOUND, "flow_levels": LEVELS}
    return EncoderRecord(
        modality="video",
        name=NAME,
        dim=settings.dim,
        preprocessing=preprocessing,
        weights=weights,
        warning=warning,
        notes=notes or {},
    )


def recorded_settings(record: EncoderRecord) -> VideoSettings:
    """The settings that `video_record` wrote down, to encode a query as the cache was made; else InputError."""
    stored = record.preprocessing
    try:
        return VideoSettings(
            flow=str(stored["flow"]),
            short_side=int(stored["short_side"]),
            crop=int(stored["crop"]),
            window=int(stored["window"]),
            fps=float(stored["fps"]),
            dtype=str(stored.get("dtype", "auto")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The record of video encoder {record.name!r} does not say how its features were made ({error}): extract "
            "them again."
        ) from error


class _Counted:
    """An iterator that knows how many it handed out."""

    def __init__(self, source: Iterator[np.ndarray]) -> None:
        self._source = source
        self.count = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for value in self._source:
            self.count += 1
            yield value


def _fast(network: InceptionI3d, channels: int, settings: VideoSettings, device: torch.device | str) -> FastI3d:
    if network.in_channels != channels:
        stream = "RGB" if channels == 3 else "flow"
        raise InputError(
            f"The {stream} stream needs a network of {channels} input channels, not {network.in_channels}."
        )
    return FastI3d(network, device, DTYPES[settings.dtype])


def _cropped(frame: np.ndarray, crop: int) -> np.ndarray:
    return np.ascontiguousarray(centre_crop(frame, crop))  # a view would keep the whole frame in memory


def _clip(window: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(window.transpose(3, 0, 1, 2))).unsqueeze(0)
