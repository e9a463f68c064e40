"""Anti-aliased drawing in scene units: one affine matrix takes every shape to pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt

import cv2
import numpy as np

Colour = tuple[int, int, int]  # RGB, 0 to 255
Points = Sequence[tuple[float, float]] | np.ndarray

_SUBPIXELS = 4  # fractional bits of a coordinate, OpenCV's `shift`
_TURN = np.arange(32) * (2 * pi / 32)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


@dataclass(frozen=True)
class Pen:
    """Draws into `image` [H, W, 3] uint8; `matrix` [2, 3] takes local units (x right, y down) to pixels."""

    image: np.ndarray
    matrix: np.ndarray

    def at(self, x: float, y: float, angle: float = 0.0, scale: float = 1.0, flip: bool = False) -> "Pen":
        """A pen whose origin lies at (x, y), turned clockwise by `angle` degrees; `flip` mirrors its x axis."""
        c, s = scale * cos(radians(angle)), scale * sin(radians(angle))
        local = np.array([[-c if flip else c, -s, x], [-s if flip else s, c, y], [0.0, 0.0, 1.0]])
        return Pen(self.image, self.matrix @ local)

    def where(self, points: Points) -> np.ndarray:
        """Local points [n, 2] -> pixels [n, 2]."""
        pixels: np.ndarray = np.asarray(points, np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return pixels

    def polygon(self, points: Points, colour: Colour) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.image, [self._fixed(points)], colour, cv2.LINE_AA, _SUBPIXELS)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse around (x, y) with half axes rx and ry."""
        self.polygon(_CIRCLE * (rx, ry) + (x, y), colour)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        """A polyline `width` units thick with round ends."""
        cv2.polylines(self.image, [self._fixed(points)], False, colour, self._pixels(width), cv2.LINE_AA, _SUBPIXELS)

    def streaks(self, points: np.ndarray, length: float, width: float, colour: Colour) -> None:
        """Short vertical strokes that begin at each of `points` [n, 2]: drops and grains on their way down."""
        if len(points):
            ends = points + np.array([0.0, length])
            segments = np.stack([self._fixed(points), self._fixed(ends)], axis=1)
            cv2.polylines(self.image, list(segments), False, colour, self._pixels(width), cv2.LINE_AA, _SUBPIXELS)

    def _fixed(self, points: Points) -> np.ndarray:
        return np.asarray(np.round(self.where(points) * 2**_SUBPIXELS), np.int32)

    def _pixels(self, width: float) -> int:
        unit = sqrt(abs(float(np.linalg.det(self.matrix[:, :2]))))
        return max(1, round(width * unit))


def shade(colour: Colour, factor: float) -> Colour:
    """The colour darkened (factor below 1) or lightened towards white (above 1; 2 is white)."""
    if factor <= 1:
        return _rgb([value * factor for value in colour])
    return _rgb([value + (255 - value) * (factor - 1) for value in colour])


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first: the flat look of glass and water without real transparency."""
    return _rgb([a + (b - a) * share for a, b in zip(first, second, strict=True)])


def _rgb(values: Sequence[float]) -> Colour:
    red, green, blue = (int(min(255.0, max(0.0, value))) for value in values)
    return red, green, blue
