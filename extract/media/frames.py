"""Frames of a video clip, streamed: 25 a second by timestamp, never the whole video in memory."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fmn.errors import BadItem

from .container import opened
from .decode import check_interval, decode, exact, interval, seconds, seek, stamp

FPS = 25.0
LONGEST_STILL = 600  # seconds that one frame may be shown; a longer gap is a broken timestamp
SEEK_BACK = (0, 2, 10, 60)  # seconds before the start at which a key frame is looked for, in turn

Timed = tuple[Fraction, VideoFrame | None]  # (seconds since the stream's first frame, frame); at last (end, None)


def frames(
    path: str | Path, start: float | None = None, end: float | None = None, fps: float = FPS
) -> Iterator[np.ndarray]:
    """The frames of a clip as a player shows them at start, start + 1/fps, ... before `end` (or the end of the file).

    The frame shown at a time is the latest one whose timestamp is not after it, so variable frame rates keep their
    speed; times count from the stream's first frame, whatever its timestamp. Rotation metadata is applied. With a
    `start`, decoding begins at the key frame before it. An item is whole or it fails: damage raises, it never shortens.

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
    begin, stop = interval(start, end)
    due, step = begin, 1 / exact(fps)
    shown: VideoFrame | None = None
    size: tuple[int, ...] = ()
    time = Fraction(0)
    for time, frame in _frames_from(path, begin):
        image: np.ndarray | None = None
        while shown is not None and due < time and (stop is None or due < stop):
            if image is None:
                image = _rgb(shown)
                if image.shape != (size or image.shape):
                    raise BadItem(
                        f"{path}: its frame size changes from {_text(size)} to {_text(image.shape)} on the way."
                    )
                size = image.shape
            yield image
            due += step
        if stop is not None and due >= stop:
            return
        shown = frame
    check_interval(path, begin, stop, time)


def _frames_from(path: str | Path, begin: Fraction) -> Iterator[Timed]:
    """The frames from one at or before `begin` to the end."""
    for back in SEEK_BACK:
        if begin - back <= 0:
            break
        with opened(path) as container:
            stream = _video_stream(container, path)
            origin = seek(container, stream, begin - back)
            if origin is None:
                break
            rest = _timed(container, stream, path, origin)
            found = next(rest, None)
            if found is not None and found[0] <= begin:  # some containers seek to a key frame that is too late
                yield from chain([found], rest)
                return
    with opened(path) as container:
        timed = _timed(container, _video_stream(container, path), path)
        found = next(timed, None)
        if found is None:
            raise BadItem(f"{path}: its video stream holds no frame.")
        yield from chain([found], timed)


def _timed(
    container: InputContainer, stream: VideoStream, path: str | Path, origin: Fraction | None = None
) -> Iterator[Timed]:
    """The frames from where the container stands, nothing when there are none (after a seek: none with a timestamp).

    A timestamp that is missing or does not go forward (raw streams, recordings put together) is taken to be one usual
    frame after the last.
    """
    usual = 1 / Fraction(stream.average_rate or stream.guessed_rate or 25)  # seconds a frame
    last: Fraction | None = None
    finish = Fraction(0)
    for frame in decode(container, stream, path, origin):
        mark = stamp(frame, container)
        if mark is None and last is None and origin is not None:
            return
        time = Fraction(0) if last is None else last + usual
        if mark is not None:
            origin = mark - time if origin is None else origin
            if last is None or mark - origin > last:
                time = mark - origin
        if last is not None and time - last > LONGEST_STILL:
            raise BadItem(f"{path}: its timestamps jump from {seconds(last)} to {seconds(time)}.")
        last = time
        shown = frame.duration * frame.time_base if frame.duration and frame.time_base else usual
        finish = time + min(shown, Fraction(LONGEST_STILL))
        yield time, frame
    if last is not None:
        yield finish, None


def has_video(path: str | Path) -> bool:
    """Whether a media file has moving pictures; BadItem when it is none."""
    with opened(path) as container:
        return bool(_video_streams(container))


def _video_stream(container: InputContainer, path: str | Path) -> VideoStream:
    streams = _video_streams(container)
    if not streams:
        raise BadItem(f"{path}: has no video stream.")
    best = container.streams.best("video")
    return next((stream for stream in streams if best is not None and stream.index == best.index), streams[0])


def _video_streams(container: InputContainer) -> list[VideoStream]:
    picture = av.stream.Disposition.attached_pic  # an album cover is no video
    return [stream for stream in container.streams.video if not stream.disposition & picture]


def _rgb(frame: VideoFrame) -> np.ndarray:
    image = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4  # counter-clockwise, as np.rot90 turns
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else np.asarray(image)


def _text(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
