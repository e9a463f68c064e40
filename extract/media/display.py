"""A stored picture as it is shown: its pixels made square, then turned and mirrored as the file says."""

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

MOST = 10  # a pixel that is more than so many times as wide as high, or as high as wide, is a writer's fault


def shown(frame: VideoFrame, pixel_aspect: Fraction | None = None) -> np.ndarray:
    """uint8 [H, W, 3] RGB. `pixel_aspect`: width of a stored pixel by its height; None, and what cannot be, is 1.

    The height of the stored picture stays and its width is stretched or shrunk. Of the display matrix the nearest of
    the eight orientations (quarter turns, mirrored or not) is taken.
    """
    image: np.ndarray = frame.to_ndarray(format="rgb24")
    height, width = image.shape[:2]
    square = _width(width, pixel_aspect)
    if square != width:
        how = cv2.INTER_AREA if square < width else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, (square, height), interpolation=how))
    matrix = _matrix(frame)
    return image if matrix is None else oriented(image, *matrix)


def oriented(image: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """[H, W, ...] -> [H, W, ...] or [W, H, ...]: the picture whose point (x, y) goes to (a x + c y, b x + d y).

    y points down. A matrix that squeezes the picture to a line or a point (all zero in some files) is none.
    """
    if a * d - b * c == 0:
        return image
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, across, down = image.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    if across < 0:
        image = image[:, ::-1]
    if down < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


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
