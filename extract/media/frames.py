"""Frames of a video clip, streamed: 25 a second by timestamp, never the whole video in memory."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from fmn.errors import BadItem

from .display import shown as displayed
from .fields import Timed, whole_frames
from .high_range import NAMES, StandardRange
from .notes import note
from .opening import moving_pictures, opened, reason
from .stream import MediaStream, exact, seconds

FPS = 25.0
LONGEST_STILL = 600  # seconds that one frame may be shown; a longer gap is a broken timestamp
# Durations of these are from the decoding of one packet to that of the next; only the last of them is one of display.
SAYS_DECODING = {"mov"}
SEEK_BACK = (0, 2, 10, 60)  # seconds before the start at which a key frame is looked for, in turn


def frames(
    path: str | Path, start: float | None = None, end: float | None = None, fps: float = FPS
) -> Iterator[np.ndarray]:
    """The frames of a clip as a player shows them at start, start + 1/fps, ... before `end` (or the end of the file).

    The frame shown at a time is the latest one whose timestamp is not after it, so variable frame rates keep their
    speed; times count from the file's begin, whatever its timestamp. Where the pictures begin after the sound the first
    one is shown until then. Interlaced frames are deinterlaced, those of high dynamic range (PQ, HLG) tone-mapped, and
    pixels that are not square, turns and mirrorings are applied; each is noted (`.notes`). With a `start`, decoding
    begins at the key frame before it. An item is whole or it fails: damage raises, it never shortens.

    Args:
        path: any file with a video stream that FFmpeg reads (mp4, mkv, avi, webm, gif ...).
        start, end: seconds; `end` may lie at most 1 s beyond the end of the file.
        fps: frames a second of the result.

    Yields:
        uint8 [H, W, 3] RGB, at least one frame. A repeated frame is the same array again: do not write into it.

    Raises:
        BadItem: missing, empty or no media; no video stream or no frame; damaged or cut off (the sentence says how
            far it could be read); frame size changing on the way; start or end beyond the end of the file.
        ValueError: fps not above 0, or times that are no interval.
    """
    if not fps > 0:
        raise ValueError(f"fps must be above 0, not {fps}")
    step = 1 / exact(fps)
    shown: Timed | None = None
    size: tuple[int, ...] = ()
    time = Fraction(0)
    picture = _Picture()
    with MediaStream(path, VideoFrame, start, end) as stream:
        due, stop = stream.begin, stream.stop
        for timed in _whole(stream):
            time, image = timed.time, None
            while shown is not None and due < time and (stop is None or due < stop):
                if image is None:
                    image = picture(shown, stream.pixel_aspect)
                    if image.shape != (size or image.shape):
                        raise BadItem(
                            f"{path}: its frame size changes from {_text(size)} to {_text(image.shape)} on the way."
                        )
                    size = image.shape
                yield image
                due += step
            if stop is not None and due >= stop:
                return
            shown = timed
        stream.check_end(time)


class _Picture:
    """A clip's frames as pictures uint8 [H, W, 3] RGB, with notes of what was done to them."""

    def __init__(self) -> None:
        self._standard = StandardRange()
        self._kinds: set[bool] = set()  # of frames: interlaced, and not

    def __call__(self, timed: Timed, pixel_aspect: Fraction | None) -> np.ndarray:
        assert timed.frame is not None
        self._kinds.add(timed.interlaced)
        if True in self._kinds:
            note("deinterlaced")
        if len(self._kinds) > 1:
            note("interlaced in part")
        if timed.frame.color_trc in NAMES:
            note(f"tone-mapped from {NAMES[timed.frame.color_trc]}")
        return displayed(self._standard(timed.frame).to_ndarray(format="rgb24"), timed.frame, pixel_aspect)


def _whole(stream: MediaStream[VideoFrame]) -> Iterator[Timed]:
    try:
        yield from whole_frames(_timed(stream))
    except av.error.FFmpegError as error:  # decoding has sentences of its own
        raise BadItem(f"{stream.path}: its interlaced frames cannot be deinterlaced ({reason(error)}).") from None


def _timed(stream: MediaStream[VideoFrame]) -> Iterator[tuple[Fraction, VideoFrame | None]]:
    """(time, frame) from one at or before the start to the end, at last (end, None).

    A timestamp that is missing or does not go forward (raw streams, recordings put together) is taken to be one usual
    frame after the last.
    """
    usual = 1 / Fraction(stream.rate or FPS)  # seconds a frame
    last: Fraction | None = None
    ahead: Fraction | None = None  # of the first timestamp: how long frames without one were shown
    finish = Fraction(0)
    for mark, frame in stream.frames(SEEK_BACK):
        time = Fraction(0) if last is None else last + usual
        if mark is not None:
            ahead = time if ahead is None else ahead
            if last is None or mark + ahead > last:
                time = mark + ahead
        if last is not None and time - last > LONGEST_STILL:
            raise BadItem(f"{stream.path}: its timestamps jump from {seconds(last)} to {seconds(time)}.")
        last = time
        shown = frame.duration * frame.time_base if frame.duration and frame.time_base else usual
        if SAYS_DECODING & stream.formats and stream.last_decoded:
            shown = stream.last_decoded
        finish = time + min(shown, Fraction(LONGEST_STILL))
        yield time, frame
    if last is None:
        raise BadItem(f"{stream.path}: its video stream holds no frame.")
    yield finish, None


def has_video(path: str | Path) -> bool:
    """Whether a media file has moving pictures; BadItem when it is none."""
    with opened(path) as container:
        return bool(moving_pictures(container))


def _text(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
