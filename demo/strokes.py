"""A skeleton -> the strokes of a pen that walks it: a plausible order of writing, not the writer's own."""

from math import hypot

import cv2
import numpy as np

Pixel = tuple[int, int]  # x, y

_AROUND = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0))
_LOOK_BACK = 7  # steps from which the pen's heading is taken: one step knows eight directions only
_HIGH = 0.5  # an end below this share of the piece's height is no place to begin: a 9 begins on top of its loop


def walk(skeleton: np.ndarray, spur: int) -> list[np.ndarray]:
    """The strokes of a skeleton, in order.

    The first begins at the topmost end point, or at the topmost point where there is no end point high enough, and goes
    left there, as people write a 0. It goes straight on at a crossing and ends where nothing is left; the next begins
    at the nearest end of what is left. Pieces shorter than `spur` are artefacts of thinning and are left out.

    skeleton: [H, W] bool, one pixel wide, at least one pixel. spur: pixels. Returns: strokes, each [n, 2] int (x, y).
    """
    left = {(int(x), int(y)) for y, x in np.argwhere(skeleton)}
    strokes: list[np.ndarray] = []
    while left:
        pieces = _pieces(left, skeleton.shape)
        long = [piece for piece in pieces if len(piece) >= spur]
        if strokes and not long:
            break
        if strokes:
            x, y = (int(value) for value in strokes[-1][-1])
            start = min(
                (end for piece in long for end in _ends(piece)), key=lambda at: (hypot(at[0] - x, at[1] - y), at)
            )
        else:
            start = _first(min(long or pieces, key=lambda piece: min(y for _, y in piece)))
        strokes.append(np.array(_stroke(start, left)))
    return strokes


def _pieces(pixels: set[Pixel], shape: tuple[int, ...]) -> list[set[Pixel]]:
    picture = np.zeros(shape, np.uint8)
    for x, y in pixels:
        picture[y, x] = 1
    count, labels = cv2.connectedComponents(picture, connectivity=8)
    return [{(int(x), int(y)) for y, x in np.argwhere(labels == label)} for label in range(1, count)]


def _ends(piece: set[Pixel]) -> list[Pixel]:
    """The pixels of one neighbour; all pixels of a loop."""
    ends = [at for at in piece if len(_near(at, piece)) <= 1]
    return ends or list(piece)


def _first(piece: set[Pixel]) -> Pixel:
    def height(at: Pixel) -> Pixel:
        return at[1], at[0]

    top, bottom = min(y for _, y in piece), max(y for _, y in piece)
    highest = min(_ends(piece), key=height)
    return highest if highest[1] <= top + _HIGH * (bottom - top) else min(piece, key=height)


def _near(at: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    return [(at[0] + x, at[1] + y) for x, y in _AROUND if (at[0] + x, at[1] + y) in pixels]


def _stroke(start: Pixel, left: set[Pixel]) -> list[Pixel]:
    """Walk from `start` until nothing is near; what was walked is taken out of `left`."""
    walked = [start]
    left.discard(start)
    while near := _near(walked[-1], left):
        x, y = walked[-1]
        before = walked[max(0, len(walked) - 1 - _LOOK_BACK)]
        heading = (x - before[0], y - before[1]) if len(walked) > 1 else (-1, 0)
        walked.append(max(near, key=lambda at: (_along(heading, (at[0] - x, at[1] - y)), at)))
        left.discard(walked[-1])
    return walked


def _along(heading: Pixel, step: Pixel) -> float:
    """The cosine between two directions."""
    return (heading[0] * step[0] + heading[1] * step[1]) / (hypot(*heading) * hypot(*step) or 1.0)
