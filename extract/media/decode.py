"""One pass over a stream of a media file: every frame of it, or a sentence that says how far it could be read."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import overload

import av
import av.logging
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fmn.errors import BadItem

from .container import left_out, reason

# Containers whose header states the length. The others' is guessed from the file itself and proves nothing.
STATES_LENGTH = {"matroska", "webm", "mov", "mp4", "flv", "asf", "wav", "flac"}
CUT_SLACK = Fraction(1, 2)  # seconds that may be missing from the length in the header
END_SLACK = 1  # seconds that an item's end may lie beyond the file's: annotated times are often rounded up


@overload
def decode(
    container: InputContainer, stream: VideoStream, path: str | Path, origin: Fraction | None = None
) -> Iterator[VideoFrame]: ...


@overload
def decode(
    container: InputContainer, stream: AudioStream, path: str | Path, origin: Fraction | None = None
) -> Iterator[AudioFrame]: ...


def decode(
    container: InputContainer, stream: VideoStream | AudioStream, path: str | Path, origin: Fraction | None = None
) -> Iterator[VideoFrame] | Iterator[AudioFrame]:
    """The PyAV frames of a stream in the order of display, from where the container stands to its end.

    With an `origin` (see `seek`) what comes before the next key frame cannot be decoded and is left out.

    Raises:
        BadItem: a packet or frame that is not whole, or a file that ends long before its header says. A last audio
            packet that holds no sound (tags that are appended to mp3 files) is left out.
    """
    if not stream.codec_context.is_open:
        # Extraction runs a process a core already, and log lines from other threads would not be seen.
        stream.codec_context.thread_count = 1
    waiting = origin is not None
    last: Fraction | None = None
    reached = Fraction(0)
    faults: list[str] = []
    try:
        for packet, whole in _packets(container):
            if not whole:
                raise _damaged(path, last, "some of it cannot be read")
            if packet.pts is not None:
                reached = max(reached, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index != stream.index:
                continue
            if packet.is_corrupt and not waiting:
                raise _damaged(path, last, "a packet of it is incomplete")
            try:
                frames = [frame for frame in packet.decode() if isinstance(frame, VideoFrame | AudioFrame)]
            except av.error.FFmpegError as error:
                if stream.type != "audio" and not waiting:
                    raise
                faults.append(reason(error))
                continue
            for frame in frames:
                if waiting and not frame.key_frame:
                    continue
                if frame.is_corrupt:
                    raise _damaged(path, last, "a frame of it cannot be decoded whole")
                if faults and not waiting:
                    raise _damaged(path, last, faults[0])
                waiting = False
                faults.clear()
                time = stamp(frame, container)
                if time is not None:
                    origin = time if origin is None else origin
                    last = time - origin
                yield frame
    except av.error.FFmpegError as error:
        raise _damaged(path, last, reason(error)) from None
    if len(faults) > 1 and not waiting:
        raise _damaged(path, last, faults[0])
    if not waiting and STATES_LENGTH & set(container.format.name.split(",")):
        stated = Fraction(container.duration or 0, av.time_base)
        # Some count the length from the file's first timestamp, others from 0.
        present = max(reached, reached - Fraction(container.start_time or 0, av.time_base))
        if stated - present > CUT_SLACK:
            raise BadItem(
                f"{path}: is cut off: it says that it lasts {seconds(stated)} and ends after {seconds(present)}."
            )


def _packets(container: InputContainer) -> Iterator[tuple["Packet[Stream]", bool]]:
    """The packets of all streams, each with whether everything before it could be read."""
    packets = container.demux()
    while True:
        with av.logging.Capture() as log:
            packet = next(packets, None)
        if packet is None:
            return
        yield packet, not left_out(log)


def seek(container: InputContainer, stream: VideoStream | AudioStream, target: Fraction) -> Fraction | None:
    """Move to a key frame near `target` (seconds since the stream's first frame), usually the last one before it.

    Returns:
        The first frame's timestamp in seconds, from which times count, or None when this file cannot be sought in.
    """
    if container.format.name == "mpeg":
        return None  # program streams rarely write timestamps, and after a seek the first ones are guessed wrong
    try:
        first = next((stamp(frame, container) for frame in decode(container, stream, "")), None)
        if first is not None and stream.time_base:
            container.seek(int((first + target) / stream.time_base), stream=stream)
    except (av.error.FFmpegError, BadItem):
        return None
    return first


def stamp(frame: VideoFrame | AudioFrame, container: InputContainer) -> Fraction | None:
    """A frame's timestamp in seconds, None where the file has none."""
    # AVI has no presentation times: FFmpeg gives its packets decoding times, which `dts` has in the order of display.
    ticks = frame.dts if container.format.name == "avi" else frame.pts
    return None if ticks is None or frame.time_base is None else ticks * frame.time_base


def exact(value: float) -> Fraction:
    """The number that somebody wrote: 0.1 is one tenth, not the double next to it, so that times compare exactly."""
    return Fraction(repr(float(value)))


def interval(start: float | None, end: float | None) -> tuple[Fraction, Fraction | None]:
    """[start, end) in seconds, 0 and None (the file's end) where not given. ValueError when that is no interval."""
    begin, stop = exact(start or 0.0), None if end is None else exact(end)
    if begin < 0 or (stop is not None and stop <= begin):
        raise ValueError(f"start and end must be seconds with 0 <= start < end, not {start} and {end}")
    return begin, stop


def check_interval(path: str | Path, begin: Fraction, stop: Fraction | None, finish: Fraction) -> None:
    """BadItem when an item starts, or ends more than a second, after its file's end (`finish`, seconds)."""
    if begin >= finish:
        raise BadItem(f"{path}: the item starts at {seconds(begin)}, but the file ends at {seconds(finish)}.")
    if stop is not None and stop > finish + END_SLACK:
        raise BadItem(f"{path}: the item ends at {seconds(stop)}, but the file ends at {seconds(finish)}.")


def seconds(time: Fraction) -> str:
    """A time for a sentence."""
    return f"{float(time):.2f} s"


def _damaged(path: str | Path, last: Fraction | None, why: str) -> BadItem:
    return BadItem(f"{path}: is damaged {'at its beginning' if last is None else 'after ' + seconds(last)} ({why}).")
