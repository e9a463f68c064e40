"""A handwritten digit of 8 x 8 pixels -> its smooth shape, and when the pen passed each bit of its ink."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy.spatial import cKDTree

from fmn.errors import InputError
from fmn.install import hint

from .strokes import walk

SIDE = 200
"""Pixels of a side of the drawn shape; the 8 x 8 image and a margin of one of its pixels around it."""

_CELL = SIDE / 10
_EDGE = 0.08  # grey levels, of 1, over which the shape's edge goes from nothing to full
_SPUR = 14  # pixels: branches of the skeleton shorter than this are no strokes
_AIR = 3.0  # how much faster the pen moves between strokes
_WET = 0.015  # share of the writing during which a bit of ink appears


@dataclass(frozen=True)
class Writing:
    """A digit and how it is written; time is the share of the writing, 0 to 1.

    ink [SIDE, SIDE] float32: coverage of the finished digit, 0 to 1. when [SIDE, SIDE] float32: the moment at which
    the pen passed the point of its path that is nearest. path [n, 2] float64: where the pen is (x, y), pixels;
    moments [n] float64: when it is there, rising from 0 to 1.
    """

    ink: np.ndarray
    when: np.ndarray
    path: np.ndarray
    moments: np.ndarray

    def written(self, share: float) -> np.ndarray:
        """The ink that is there at a share of the writing -> [SIDE, SIDE] float32; none at 0, all of it at 1."""
        there = np.clip((share * (1.0 + _WET) - self.when) / _WET, 0.0, 1.0)
        return np.asarray(self.ink * there, np.float32)

    def pen(self, share: float) -> tuple[float, float]:
        """Where the pen is, in pixels (x, y)."""
        x, y = (float(np.interp(share, self.moments, self.path[:, axis])) for axis in (0, 1))
        return x, y


def make_writing(image: np.ndarray, threshold: float = 0.45) -> Writing:
    """The shape and the order of writing of a handwritten digit.

    image: [8, 8], 0 (paper) to its maximum above 0 (ink), as in `load_handwriting`. threshold: 0.3 to 0.6, the grey
    level of the edge: a low one gives broad strokes. InputError: an image without any ink.
    """
    if image.shape != (8, 8) or not image.max() > 0:
        raise InputError(
            f"A handwritten digit is an image of 8 x 8 pixels with some ink; this one is {image.shape} with a maximum "
            f"of {image.max()}. Give an image of scikit-learn's load_digits."
        )
    ink = _shape(image, threshold)
    skeleton = cv2.ximgproc.thinning(np.asarray(ink > 0.5, np.uint8) * 255) > 0
    path, moments = _path(walk(skeleton, _SPUR))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    _, nearest = cKDTree(path).query(np.column_stack([x.ravel(), y.ravel()]))
    return Writing(ink, np.asarray(moments[nearest].reshape(SIDE, SIDE), np.float32), path, moments)


def _shape(image: np.ndarray, threshold: float) -> np.ndarray:
    grey = np.pad(np.asarray(image, np.float32) / float(image.max()), 1)
    large = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    # A stroke of about a pixel is faint and the hole of an 8 is grey: what counts is more than the surroundings have.
    sharp = 2.6 * large - 1.6 * cv2.GaussianBlur(large, (0, 0), 1.2 * _CELL)
    smooth = cv2.GaussianBlur(sharp, (0, 0), 0.23 * _CELL)
    # The threshold is a share of this image's own darkest ink, so that no image is left without any.
    shape = (smooth - threshold * min(1.0, float(smooth.max()))) / _EDGE + 0.5
    return np.asarray(np.clip(shape, 0.0, 1.0), np.float32)


def _path(strokes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Strokes one after the other, and when the pen is where: it moves evenly, and faster in the air."""
    path = np.concatenate(strokes).astype(np.float64)
    steps = np.hypot(*np.diff(path, axis=0).T) if len(path) > 1 else np.zeros(0)
    begins = np.cumsum([len(stroke) for stroke in strokes])[:-1]
    steps[begins - 1] /= _AIR
    passed = np.concatenate([[0.0], np.cumsum(steps)])
    return path, passed / max(passed[-1], 1.0)


@lru_cache(maxsize=1)
def load_handwriting() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 handwritten digits that come with scikit-learn, in the order of the dataset.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (its test part, 13 writers).
    Returns: images [1797, 8, 8] uint8, 0 to 16, and digits [1797] int, 0 to 9. InputError: no scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(
            f"The handwritten digits come with scikit-learn, which is not installed: {hint('demo')}"
        ) from None
    found = load_digits()
    return found.images.astype(np.uint8), found.target.astype(int)
