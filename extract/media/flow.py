"""Optical flow between consecutive frames, at the scale that the published I3D weights were trained on.

Measured against the sample clip that DeepMind publishes beside its weights (RGB and flow as GIF): channel 0 is x,
channel 1 is y, the field of frame k leads from frame k to frame k + 1.
"""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from fmn.errors import InputError

METHODS = ("tvl1", "dis")
BOUND = 20.0  # pixels
LEVELS = 256


def flow_fields(frames: Iterable[np.ndarray], method: str = "tvl1") -> Iterator[np.ndarray]:
    """The motion from each frame to the next, one field a frame.

    The frames are those of the whole clip, resized but not cropped: motion across the crop's border is seen, and
    cutting the fields into windows afterwards keeps the pair between two windows. The last frame has no next one and
    repeats the field before; a clip of one frame does not move. Holds two frames.

    Args:
        frames: RGB uint8 [H, W, 3], all of one size.
        method: "tvl1" (Zach et al. 2007, the paper's, OpenCV's default parameters) or "dis" (Kroeger et al. 2016,
            medium preset, some hundred times faster).

    Yields:
        float32 [H, W, 2], displacement in pixels along x and y; as many fields as frames.

    Raises:
        InputError: unknown method.
    """
    between = _method(method)
    before: np.ndarray | None = None
    field: np.ndarray | None = None
    for frame in frames:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if before is not None:
            field = between(before, grey)
            yield field
        before = grey
    if before is not None:
        yield np.zeros((*before.shape, 2), np.float32) if field is None else field


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
    level = np.rint((np.clip(flow, -BOUND, BOUND) + BOUND) * ((LEVELS - 1) / (2 * BOUND)))
    return np.asarray(level / ((LEVELS - 1) / 2) - 1, dtype=np.float32)


def _method(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    if name == "tvl1":
        algorithm: cv2.DenseOpticalFlow = cv2.optflow.DualTVL1OpticalFlow.create()
    elif name == "dis":
        algorithm = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    else:
        raise InputError(f"Optical flow is computed by one of {', '.join(METHODS)}; got {name!r}.")
    return lambda first, second: np.asarray(algorithm.calc(first, second, None))
