"""Optical flow between consecutive frames, at the scale that the published I3D weights were trained on.

Measured against the sample clip that DeepMind publishes beside its weights (RGB and flow as GIF): channel 0 is x,
channel 1 is y, the field of frame k leads from frame k to frame k + 1.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from fmn.errors import InputError

from .flow_methods import METHODS

BOUND = 20.0  # pixels
LEVELS = 256


def flow_fields(frames: Iterable[np.ndarray], method: str = "tvl1") -> Iterator[np.ndarray]:
    """The motion from each frame to the next, one field a frame.

    The frames are those of the whole clip, resized but not cropped: motion across the crop's border is seen, and
    cutting the fields into windows afterwards keeps the pair between two windows. The last frame has no next one and
    repeats the field before; a clip of one frame does not move. Holds two frames.

    Args:
        frames: RGB uint8 [H, W, 3], all of one size.
        method: one of METHODS.

    Yields:
        float32 [H, W, 2], displacement in pixels along x and y; as many fields as frames.

    Raises:
        InputError: unknown method.
    """
    for _, field in frames_with_flow(frames, method):
        yield field


def frames_with_flow(frames: Iterable[np.ndarray], method: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(frame, its field of `flow_fields`), one frame behind what is read."""
    if method not in METHODS:
        raise InputError(f"Optical flow is computed by one of {', '.join(METHODS)}; got {method!r}.")
    between = METHODS[method]()
    before: tuple[np.ndarray, np.ndarray] | None = None  # a frame, and it in grey
    field: np.ndarray | None = None
    for frame in frames:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if before is not None:
            field = np.asarray(between(before[1], grey))
            yield before[0], field
        before = frame, grey
    if before is not None:
        yield before[0], np.zeros((*before[1].shape, 2), np.float32) if field is None else field


def quantise(flow: np.ndarray) -> np.ndarray:
    """Flow in pixels -> the 256 values in [-1, 1] that the published weights saw.

    "We truncate large motions at +/- 20 pixels along each dimension and then quantize values to 256 buckets using a
    linear map from [-20, 20] to [0, 255]" (deepmind/kinetics-i3d, issue 24); then x / 127.5 - 1 as for RGB. No motion
    falls between levels 127 and 128 and goes to 128, so it becomes 1/255, not 0.

    Args:
        flow: floats of any shape, pixels.

    Returns:
        float32 of that shape.
    """
    return np.asarray(_level(flow) / ((LEVELS - 1) / 2) - 1, dtype=np.float32)


def flow_levels(flow: np.ndarray) -> np.ndarray:
    """Flow in pixels -> its 256 levels as uint8: what `quantise` maps to [-1, 1], without loss."""
    return np.asarray(_level(flow), np.uint8)


def _level(flow: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint((np.clip(flow, -BOUND, BOUND) + BOUND) * ((LEVELS - 1) / (2 * BOUND))))
