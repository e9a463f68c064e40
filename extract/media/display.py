"""A stored picture as it is shown: its pixels made square, then turned and mirrored as the file says."""

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from .notes import note

MOST = 10  # a pixel that is more than so many times as wide as high, or as high as wide, is a writer's fault


# In words, by `orientation`: mirrored across first, then turned clockwise.
ORIENTATIONS = {
    (False, False, False): "",
    (False, True, False): "mirrored",
    (False, True, True): "turned by 180 degrees",
    (False, False, True): "mirrored and turned by 180 degrees",
    (True, True, False): "turned by 90 degrees",
    (True, False, False): "mirrored and turned by 270 degrees",
    (True, False, True): "turned by 270 degrees",
    (True, True, True): "mirrored and turned by 90 degrees",
}


def shown(image: np.ndarray, frame: VideoFrame, pixel_aspect: Fraction | None = None) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [H', W', 3]: the picture of a frame as its file says that it is to be seen.

    `pixel_aspect`: width of a stored pixel by its height; None, and what cannot be, is 1. The height of the stored
    picture stays and its width is stretched or shrunk. Of the display matrix of the frame the nearest of the eight
    orientations (quarter turns, mirrored or not) is taken.
    """
    height, width = image.shape[:2]
    square = _width(width, pixel_aspect)
    if square != width:
        assert pixel_aspect is not None
        note(f"pixels of {pixel_aspect.numerator}:{pixel_aspect.denominator} made square")
        how = cv2.INTER_AREA if square < width else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, (square, height), interpolation=how))
    matrix = _matrix(frame)
    if matrix is None:
        return image
    if said := ORIENTATIONS[orientation(*matrix)]:
        note(said)
    return oriented(image, *matrix)


def oriented(image: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """[H, W, ...] -> [H, W, ...] or [W, H, ...]: the picture whose point (x, y) goes to (a x + c y, b x + d y).

    y points down. A matrix that squeezes the picture to a line or a point (all zero in some files) is none.
    """
    transposed, across, down = orientation(a, b, c, d)
    if transposed:
        image = image.swapaxes(0, 1)
    if across:
        image = image[:, ::-1]
    if down:
        image = image[::-1]
    return np.ascontiguousarray(image)


def orientation(a: int, b: int, c: int, d: int) -> tuple[bool, bool, bool]:
    """Whether a matrix transposes a picture, then mirrors it across, then mirrors it down."""
    if a * d - b * c == 0:
        return False, False, False
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


def _width(width: int, pixel_aspect: Fraction | None) -> int:
    if pixel_aspect is None or not Fraction(1, MOST) <= pixel_aspect <= MOST:
        return width
    return max(1, int(width * pixel_aspect + Fraction(1, 2)))


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int] | None:
    """The 2 x 2 part of the display matrix, row by row; None where there is none."""
    data = cast("Mapping[Type, bytes]", frame.side_data).get(Type.DISPLAYMATRIX)  # PyAV's stub names one of them
    if data is None:
        return None
    a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
    return a, b, c, d
