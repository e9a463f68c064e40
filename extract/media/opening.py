"""Opening a media file without calling anybody, and the stream in it that is meant."""

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.logging
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fmn.errors import BadItem

# Playlists may name other places; a clip in somebody's archive must not make this machine call them.
LOCAL_ONLY = {"protocol_whitelist": "file"}
# They may also name a file of this machine, or one another for ever.
PLAYLISTS = {"concat", "hls", "dash", "imf", "image2", "webm_dash_manifest"}
# These demuxers leave out what they cannot read, say so in FFmpeg's log only, and go on with the next part.
LEAVE_OUT = {"matroska,webm", "flv"}
# Seconds by which the streams of a file may begin apart without a meaning: encoders' delays (AAC at 16 kHz: 0.064 s),
# and frames out of order.
TOGETHER = Fraction(1, 10)

av.logging.set_level(av.logging.ERROR)
av.logging.set_skip_repeated(False)  # the same file may be read twice by one process
logging.getLogger("libav").addHandler(logging.NullHandler())  # the user is told in sentences instead


def opened(path: str | Path) -> InputContainer:
    """The PyAV container of a media file, which is to be closed; BadItem when it cannot be opened."""
    file = Path(path)
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        raise BadItem(f"{path}: the file does not exist.") from None
    except OSError as error:
        raise BadItem(f"{path}: cannot be read ({error.strerror}).") from None
    if file.is_dir():
        raise BadItem(f"{path}: is a folder, not a media file.")
    if size == 0:
        raise BadItem(f"{path}: the file is empty (0 bytes).")
    try:
        # FFmpeg takes "name:rest" for a protocol; an absolute path never reads as one.
        with av.logging.Capture() as log:
            container: InputContainer = av.open(str(file.absolute()), options=LOCAL_ONLY, metadata_errors="replace")
    except PermissionError as error:
        raise BadItem(f"{path}: cannot be read ({reason(error)}).") from None
    except (av.error.FFmpegError, ValueError) as error:
        raise BadItem(f"{path}: is not a media file that can be read ({size} bytes; {reason(error)}).") from None
    if container.format.name == "tty":  # FFmpeg would film a terminal that shows the text
        container.close()
        raise BadItem(f"{path}: is a text file, not a media file.")
    if set(container.format.name.split(",")) & PLAYLISTS:
        container.close()
        raise BadItem(f"{path}: is a list of other files ({container.format.name}), not a media file: give those.")
    if left_out(log):
        container.close()
        raise BadItem(f"{path}: is damaged (some of its first seconds cannot be read).")
    return container


def moving_pictures(container: InputContainer) -> list[VideoStream]:
    """The video streams of a file; an album cover is none."""
    cover = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover]


def best_stream(
    path: str | Path, container: InputContainer, kind: type[VideoFrame] | type[AudioFrame]
) -> VideoStream | AudioStream:
    """The stream that FFmpeg rates best of those that hold such frames and can be decoded; BadItem without one."""
    name = "video" if kind is VideoFrame else "audio"
    every: Sequence[VideoStream | AudioStream] = (
        moving_pictures(container) if kind is VideoFrame else container.streams.audio
    )
    if not every:
        raise BadItem(f"{path}: has no {name} stream.")
    known = [stream for stream in every if _decodable(stream)]
    if not known:
        raise BadItem(
            f"{path}: its {name} is in a coding that FFmpeg does not know here; convert it, to "
            f"{'H.264 in mp4' if kind is VideoFrame else 'wav or flac'} for example."
        )
    best = container.streams.best("video" if kind is VideoFrame else "audio")
    return next((stream for stream in known if best is not None and stream.index == best.index), known[0])


def lead(container: InputContainer, stream: VideoStream | AudioStream) -> Fraction:
    """Seconds from the begin of a file, which is that of its earliest sound or pictures, to that of one stream.

    Differences of up to 0.1 s are encoders' delays and count as 0.
    """
    streams: list[VideoStream | AudioStream] = [*moving_pictures(container), *container.streams.audio]
    starts = [_start(other) for other in streams]
    own, known = _start(stream), [start for start in starts if start is not None]
    late = own - min(known) if own is not None else Fraction(0)
    return late if late > TOGETHER else Fraction(0)


def reason(error: Exception) -> str:
    """FFmpeg's own words for an error, without its number and its function names."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def left_out(log: Sequence[tuple[int, str, str]]) -> bool:
    """Whether a captured log tells of parts of a file that were left out."""
    return any(name in LEAVE_OUT or (name == "ogg" and "CRC" in text) for _, name, text in log)


def _decodable(stream: VideoStream | AudioStream) -> bool:
    # PyAV gives a stream without a decoder no context, whatever its types say.
    context: object = stream.codec_context
    return context is not None


def _start(stream: VideoStream | AudioStream) -> Fraction | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base
