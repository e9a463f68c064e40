"""One pass over the pictures or the sound of a media file: every frame with its time, or a sentence that says why."""

import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Generic, Self, TypeVar

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

# Playlists may name other places; a clip in somebody's archive must not make this machine call them.
LOCAL_ONLY = {"protocol_whitelist": "file"}
# These demuxers leave out what they cannot read, say so in FFmpeg's log only, and go on with the next part.
LEAVE_OUT = {"matroska,webm", "flv"}
# Containers whose header states the length. The others' is guessed from the file itself and proves nothing.
STATES_LENGTH = {"matroska", "webm", "mov", "mp4", "flv", "asf", "wav", "flac"}
CUT_SLACK = Fraction(1, 2)  # seconds that may be missing from the length in the header
END_SLACK = 1  # seconds that an item's end may lie beyond the file's: annotated times are often rounded up

av.logging.set_level(av.logging.ERROR)
av.logging.set_skip_repeated(False)  # the same file may be read twice by one process
logging.getLogger("libav").addHandler(logging.NullHandler())  # the user is told in sentences instead

Frame = TypeVar("Frame", VideoFrame, AudioFrame)


class MediaStream(Generic[Frame]):
    """The pictures (`VideoFrame`) or the sound (`AudioFrame`) of a file, from `start` to `end`, to be read once.

    Times are seconds since the stream's first frame, whatever its timestamp. A file is whole or it fails: damage
    raises, it never shortens. Use it as a context, which closes the file.

    Raises:
        BadItem: the file is missing, a folder, empty, unreadable, damaged where it begins, or no media file; or it has
            no such stream.
        ValueError: times that are no interval.
    """

    def __init__(
        self, path: str | Path, kind: type[Frame], start: float | None = None, end: float | None = None
    ) -> None:
        self.path = path
        self.begin, self.stop = exact(start or 0.0), None if end is None else exact(end)
        if self.begin < 0 or (self.stop is not None and self.stop <= self.begin):
            raise ValueError(f"start and end must be seconds with 0 <= start < end, not {start} and {end}")
        self._kind: type[Frame] = kind
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def formats(self) -> set[str]:
        """FFmpeg's names for the kind of file: {"mov", "mp4", ...}."""
        return set(self._container.format.name.split(","))

    @property
    def rate(self) -> Fraction | None:
        """Frames a second as the file tells them or FFmpeg guesses; None for sound."""
        stream = self._stream
        return (stream.average_rate or stream.guessed_rate) if isinstance(stream, VideoStream) else None

    def frames(self, backs: Sequence[int]) -> Iterator[tuple[Fraction | None, Frame]]:
        """(time, frame) in the order of display, from one at or before the start to the end of the file.

        A frame without a timestamp has None for a time. A last audio packet that holds no sound (tags that are
        appended to mp3 files) is left out.

        Args:
            backs: seconds before the start at which a key frame is looked for, in turn (some containers find one that
                is too late). Where all fail, or with none, the file is read from its beginning.

        Raises:
            BadItem: a packet or frame that is not whole, or a file that ends long before its header says.
        """
        for back in backs:
            if self.begin <= back:
                break
            sought = self._seek(self.begin - back)
            rest = self._decode() if sought else iter(())
            first = next(rest, None)
            if first is not None and first[0] is not None and first[0] <= self.begin:
                yield first
                yield from rest
                return
            self._container.close()
            self._open()
            if not sought:
                break
        yield from self._decode()

    def check_end(self, finish: Fraction) -> None:
        """BadItem when the item starts, or ends more than a second, after the stream's end (`finish`, seconds)."""
        file_end = f"but the file ends at {seconds(finish)}."
        if self.begin >= finish:
            raise BadItem(f"{self.path}: the item starts at {seconds(self.begin)}, {file_end}")
        if self.stop is not None and self.stop > finish + END_SLACK:
            raise BadItem(f"{self.path}: the item ends at {seconds(self.stop)}, {file_end}")

    def _open(self) -> None:
        """Open the file at its beginning and take the stream that FFmpeg rates best."""
        self._container = opened(self.path)
        self._origin: Fraction | None = None  # the first frame's timestamp in seconds, from which times count
        stream = _best(self._container, self._kind)
        if stream is None:
            self._container.close()
            raise BadItem(f"{self.path}: has no {'video' if self._kind is VideoFrame else 'audio'} stream.")
        self._stream = stream

    def _seek(self, target: Fraction) -> bool:
        """Move to a key frame near `target`, usually the last one before it; False when this file cannot be sought in.

        Afterwards times count from the stream's first frame, which is decoded to learn its timestamp.
        """
        if "mpeg" in self.formats:
            return False  # its timestamps are rare, and after a seek the first ones are guessed wrong
        try:
            next(self._decode(), None)
            if self._origin is not None and self._stream.time_base:
                self._container.seek(int((self._origin + target) / self._stream.time_base), stream=self._stream)
        except (av.error.FFmpegError, BadItem):
            return False
        return self._origin is not None

    def _decode(self) -> Iterator[tuple[Fraction | None, Frame]]:
        """(time, frame) from where the container stands to its end."""
        if not self._stream.codec_context.is_open:
            # Extraction runs a process a core already, and log lines from other threads would not be seen.
            self._stream.codec_context.thread_count = 1
        waiting = self._origin is not None  # after a seek, what comes before the next key frame cannot be decoded
        last: Fraction | None = None
        reached = Fraction(0)
        faults: list[str] = []
        try:
            for packet, whole in self._packets():
                if not whole:
                    raise self._damaged(last, "some of it cannot be read")
                if packet.pts is not None:
                    reached = max(reached, (packet.pts + (packet.duration or 0)) * packet.time_base)
                if packet.stream.index != self._stream.index:
                    continue
                if packet.is_corrupt and not waiting:
                    raise self._damaged(last, "a packet of it is incomplete")
                try:
                    frames = [frame for frame in packet.decode() if isinstance(frame, self._kind)]
                except av.error.FFmpegError as error:
                    if self._kind is VideoFrame and not waiting:
                        raise
                    faults.append(reason(error))
                    continue
                for frame in frames:
                    if waiting and not frame.key_frame:
                        continue
                    if frame.is_corrupt:
                        raise self._damaged(last, "a frame of it cannot be decoded whole")
                    if faults and not waiting:
                        raise self._damaged(last, faults[0])
                    waiting = False
                    faults.clear()
                    time = self._time(frame)
                    last = last if time is None else time
                    yield time, frame
        except av.error.FFmpegError as error:
            raise self._damaged(last, reason(error)) from None
        if len(faults) > 1 and not waiting:
            raise self._damaged(last, faults[0])
        if not waiting:
            self._check_length(reached)

    def _packets(self) -> Iterator[tuple["Packet[Stream]", bool]]:
        """The packets of all streams, each with whether everything before it could be read."""
        packets = self._container.demux()
        while True:
            with av.logging.Capture() as log:
                packet = next(packets, None)
            if packet is None:
                return
            yield packet, not _left_out(log)

    def _time(self, frame: Frame) -> Fraction | None:
        """A frame's time, None where the file has none. The first one that has a timestamp sets the origin."""
        # AVI has no presentation times: FFmpeg gives its packets decoding times, which `dts` has in the order of
        # display.
        ticks = frame.dts if self._container.format.name == "avi" else frame.pts
        if ticks is None or frame.time_base is None:
            return None
        stamp = ticks * frame.time_base
        self._origin = stamp if self._origin is None else self._origin
        return stamp - self._origin

    def _check_length(self, reached: Fraction) -> None:
        """BadItem when the last packet (`reached`, seconds) ends long before what the header states."""
        if not STATES_LENGTH & self.formats:
            return
        stated = Fraction(self._container.duration or 0, av.time_base)
        # Some count the length from the file's first timestamp, others from 0.
        present = max(reached, reached - Fraction(self._container.start_time or 0, av.time_base))
        if stated - present > CUT_SLACK:
            raise BadItem(
                f"{self.path}: is cut off: it says that it lasts {seconds(stated)} and ends after {seconds(present)}."
            )

    def _damaged(self, last: Fraction | None, why: str) -> BadItem:
        where = "at its beginning" if last is None else f"after {seconds(last)}"
        return BadItem(f"{self.path}: is damaged {where} ({why}).")


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
    if _left_out(log):
        container.close()
        raise BadItem(f"{path}: is damaged (some of its first seconds cannot be read).")
    return container


def moving_pictures(container: InputContainer) -> list[VideoStream]:
    """The video streams of a file; an album cover is none."""
    cover = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover]


def exact(value: float) -> Fraction:
    """The number that somebody wrote: 0.1 is one tenth, not the double next to it, so that times compare exactly."""
    return Fraction(repr(float(value)))


def seconds(time: Fraction) -> str:
    """A time for a sentence."""
    return f"{float(time):.2f} s"


def reason(error: Exception) -> str:
    """FFmpeg's own words for an error, without its number and its function names."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def _left_out(log: Sequence[tuple[int, str, str]]) -> bool:
    """Whether a captured log tells of parts of a file that were left out."""
    return any(name in LEAVE_OUT for _, name, _ in log)


def _best(container: InputContainer, kind: type[VideoFrame] | type[AudioFrame]) -> VideoStream | AudioStream | None:
    """The stream that FFmpeg rates best of those that hold such frames."""
    if kind is AudioFrame:
        sound = container.streams.best("audio")
        return sound if isinstance(sound, AudioStream) else None
    best, films = container.streams.best("video"), moving_pictures(container)
    return next((film for film in films if best is not None and film.index == best.index), next(iter(films), None))
