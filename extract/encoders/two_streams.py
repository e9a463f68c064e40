"""A clip through two-stream I3D, window by window, averaged to one vector; and what a record says of it.

Carreira & Zisserman (CVPR 2017): one network sees the frames, the other the optical flow between them. The paper's
video feature is both networks' 1024 averages after Mixed_5c, side by side.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from fmn.cache import EncoderRecord, Row
from fmn.errors import InputError
from fmn.item import Item

from ..media.flow import BOUND, LEVELS
from ..media.flow_methods import NO_FLOW
from ..media.frames import frames
from ..media.two_streams import VideoSettings, flow_clip, rgb_clip, stream_windows
from ..networks.i3d import FEATURES, InceptionI3d
from ..networks.i3d_fast import DTYPES, FastI3d


def vector_length(settings: VideoSettings) -> int:
    """Length of an item's vector: 1024 of each stream."""
    return FEATURES if settings.flow == NO_FLOW else 2 * FEATURES


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

    def row(self, item: Item) -> Row:
        """The item's vector: [1024 RGB, 1024 flow] (RGB only without flow), each the plain mean over its windows.

        `Row.seconds` is the duration read, `Row.repeated` the frames by which a clip shorter than one window was
        looped. Raises BadItem when the clip cannot be used.
        """
        shown = _Counted(frames(item.path, item.start, item.end, self.settings.fps))
        total = np.zeros(vector_length(self.settings), np.float64)
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


def recorded_preprocessing(settings: VideoSettings) -> dict[str, Any]:
    """What a record says of features made with `settings`, a part of their fingerprint; `recorded_settings` reads it.

    A number type that was chosen is part of it. "auto" is not: for trained networks bf16 and fp32 features are close
    enough to stand in one cache, so that a cache begun on one machine can go on on another.
    """
    preprocessing = asdict(settings)
    if settings.dtype == "auto":
        del preprocessing["dtype"]
    preprocessing |= {"rgb_scaling": "x / 127.5 - 1", "average": "over time, space and windows after Mixed_5c"}
    if settings.flow != NO_FLOW:
        preprocessing |= {"flow_bound": BOUND, "flow_levels": LEVELS}
    return preprocessing


def recorded_settings(record: EncoderRecord) -> VideoSettings:
    """The settings that were written down, to encode a query as the cache was made; else InputError."""
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
