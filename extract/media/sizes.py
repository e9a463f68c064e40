"""The size at which I3D sees a frame: short side to 256 pixels, then the 224 x 224 in the middle."""

import cv2
import numpy as np

from fmn.errors import InputError

SHORT_SIDE = 256
CROP = 224
MOST_SIDE = 8192  # pixels: 8K
LEAST_FPS, MOST_FPS = 0.001, 1000.0
MOST_WINDOW = 4 << 30  # bytes of a window as float32: its maps take several times as much


def check_window(short_side: int, crop: int, window: int, fps: float) -> None:
    """Raise InputError for sizes that no machine holds, and for frame rates that no clip has."""
    if short_side > MOST_SIDE:
        raise InputError(f"The short side of a frame is at most {MOST_SIDE} pixels, got {short_side}.")
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise InputError(f"The frame rate is from {LEAST_FPS:g} to {MOST_FPS:g} a second, got {fps:g}.")
    taken = 12 * window * crop**2
    if taken > MOST_WINDOW:
        raise InputError(
            f"A window may take {MOST_WINDOW / 2**30:.0f} GiB; {window} frames of {crop} x {crop} pixels take "
            f"{taken / 2**30:.3g} GiB. Ask for fewer or smaller ones."
        )


def resize_short_side(frame: np.ndarray, short_side: int = SHORT_SIDE) -> np.ndarray:
    """Scale a frame so that its short side is `short_side` pixels; the proportions stay.

    Averages areas when it shrinks (no aliasing, which optical flow would take for motion) and interpolates linearly
    when it grows.

    Args:
        frame: [H, W] or [H, W, C].

    Returns:
        [H', W'] or [H', W', C] of the same dtype with min(H', W') == short_side.
    """
    height, width = frame.shape[:2]
    short = min(height, width)
    if short == short_side:
        return frame
    size = (_scaled(width, short_side, short), _scaled(height, short_side, short))  # OpenCV's order
    scaled = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if short > short_side else cv2.INTER_LINEAR)
    return np.asarray(scaled)


def centre_crop(frame: np.ndarray, crop: int = CROP) -> np.ndarray:
    """The `crop` x `crop` pixels in the middle of [H, W] or [H, W, C], a view; an odd rest lies right and below.

    Raises InputError when the frame is smaller than the crop.
    """
    height, width = frame.shape[:2]
    if min(height, width) < crop:
        raise InputError(f"A crop of {crop} pixels needs frames at least that large, not {width} x {height}.")
    top, left = (height - crop) // 2, (width - crop) // 2
    return frame[top : top + crop, left : left + crop]


def _scaled(side: int, short_side: int, short: int) -> int:
    return (2 * side * short_side + short) // (2 * short)  # rounded to the nearest, halves up
