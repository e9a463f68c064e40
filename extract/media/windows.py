"""Windows of 64 frames out of a stream of frames, the last ones never dropped."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from fmn.child import alive

LENGTH = 64

T = TypeVar("T")


def windows(
    frames: Iterable[np.ndarray], length: int = LENGTH, step: int | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Cut a stream of frames into windows. Holds `length` frames and the window that it hands out, no more.

    Window i starts at frame i * step. Where frames are left over at the end, the last window is moved back so that it
    ends with the clip: it holds real frames only, some of which were in the window before. (Filling it up
    would give the clip's last moment, repeated, the weight of a whole window in the item's average.)
    A clip shorter than one window is looped from its beginning, as often as is needed.

    Args:
        frames: arrays of one shape [...].
        length: frames a window.
        step: frames from one window's start to the next one's, `length` when not given.

    Yields:
        (window [length, ...], repeated): `repeated` frames at the window's end were added by looping, 0 for none.

    Raises:
        ValueError: length or step below 1.
    """
    for window, repeated in cut(frames, length, step):
        yield np.stack(window), repeated


def cut(frames: Iterable[T], length: int, step: int | None = None) -> Iterator[tuple[Sequence[T], int]]:
    """The same of anything: a window is a sequence of its frames, which is written over when the next is asked for."""
    step = length if step is None else step
    if length < 1 or step < 1:
        raise ValueError(f"a window needs a length and a step of at least 1, not {length} and {step}")
    held: deque[T] = deque(maxlen=length)
    count = 0
    due = length  # the number of frames after which the next window is whole
    for frame in frames:
        alive()
        held.append(frame)
        count += 1
        if count == due:
            yield held, 0
            due += step
    if 0 < count < length:
        clip = list(held)
        yield [clip[index % count] for index in range(length)], length - count
    elif count >= length and _left_over(count, due - step, due - length):
        yield held, 0


def _left_over(count: int, covered: int, next_start: int) -> bool:
    # With a step beyond the length, frames between two windows are left out on purpose.
    return count > covered and count > next_start
