"""One pass over the pictures or the sound of a media file: every frame with its time, or a sentence that says why."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Generic, Self, TypeVar

import av
import av.logging
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fmn.child import alive
from fmn.errors import BadItem

from .losses import loss
from .opening import best_stream, lead, left_out, opened, reason
from .tags import Tags
from .whole import promise

# Containers whose header states the length. The others' is guessed from the file itself and proves nothing.
STATES_LENGTH = {"matroska", "webm", "mov", "mp4", "flv", "asf", "wav", "flac", "aiff", "au", "caf", "w64", "tta", "wv"}
CUT_SLACK = Fraction(1, 2)  # seconds that may be missing from the length in the header
# To the sample, so that a spoken digit is missed.
STATES_EXACTLY = {"wav", "flac", "aiff", "au", "caf", "w64", "tta", "wv"}
EXACT_SLACK = Fraction(1, 2000)
MISSING_SLACK = Fraction(1, 200)  # where bytes are missing, which may be those of an index behind the media
UNTAGGED = {"mpeg", "mpegts"}
LONGEST = 24 * 3600  # seconds; what does not end by then has no end
END_SLACK = 1  # seconds that an item's end may lie beyond the file's: annotated times are often rounded up

Frame = TypeVar("Frame", VideoFrame, AudioFrame)


class MediaStream(Generic[Frame]):
    """The pictures (`VideoFrame`) or the sound (`AudioFrame`) of a file, from `start` to `end`, to be read once.

    Times are seconds since the begin of the file: the first frame of whichever of its sound and pictures begins first,
    whatever its timestamp. A file is whole or it fails: damage raises, it never shortens. Use it as a context, which
    closes the file.

    Raises:
        BadItem: the file is missing, a folder, empty, unreadable, damaged where it begins, or no media file; or it has
            no such stream, or none that FFmpeg can decode.
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
        self.joined = False  # whether a joint of two files was met, behind which timestamps are not of the sound
        self.skip = 0  # samples that come next and are none of the sound: what an encoder put before it
        self.last_decoded = Fraction(0)  # seconds that the packet lasts which was decoded last; 0 where none says
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

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width of a pixel by its height, of the container where it tells it, else of the stream; None for sound."""
        return self._stream.sample_aspect_ratio if isinstance(self._stream, VideoStream) else None

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
        """BadItem when the item starts, or ends more than a second, after the stream's end (`finish`, seconds).

        So where the header counts the samples, of which there are fewer.
        """
        file_end = f"but the file ends at {seconds(finish)}."
        if self.begin >= finish:
            raise BadItem(f"{self.path}: the item starts at {seconds(self.begin)}, {file_end}")
        if self.stop is not None and self.stop > finish + END_SLACK:
            raise BadItem(f"{self.path}: the item ends at {seconds(self.stop)}, {file_end}")
        lacking = Fraction(self._container.duration or 0, av.time_base) - finish
        if STATES_EXACTLY & self.formats and not self._promise.endless and lacking > EXACT_SLACK:
            raise BadItem(f"{self.path}: is damaged ({float(lacking):.3f} s of its sound are missing).")

    def check_losses(self, at: Fraction) -> None:
        """BadItem when packets of the stream are missing inside the file, which was read to `at` (seconds)."""
        if loss(self.path, self.formats, self._stream.id):
            raise BadItem(f"{self.path}: is damaged before {seconds(at)} (packets are missing).")

    def _open(self) -> None:
        """Open the file at its beginning and take the stream that FFmpeg rates best."""
        self._container = opened(self.path)
        self._origin: Fraction | None = None  # the timestamp in seconds from which times count
        try:
            self._stream = best_stream(self.path, self._container, self._kind)
        except BadItem:
            self._container.close()
            raise
        self._lead = lead(self._container, self._stream)
        self._promise = promise(self.path, self.formats)

    def _seek(self, target: Fraction) -> bool:
        """Move to a key frame near `target`, usually the last one before it; False when this file cannot be sought in.

        The stream's first frame is decoded before, to learn its timestamp.
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
        cut = False  # whether the last fault is in a packet that begins as a frame does, and is none
        tags = Tags(self.formats)
        try:
            for packet, whole in self._packets():
                alive()
                if not whole:
                    raise self._damaged(last, "some of it cannot be read")
                if packet.pts is not None:
                    reached = max(reached, (packet.pts + (packet.duration or 0)) * packet.time_base)
                if packet.stream.index != self._stream.index:
                    continue
                if packet.duration:
                    self.last_decoded = packet.duration * packet.time_base
                # Of sound without a stated length the last packet is as long as what is left of the file.
                if packet.is_corrupt and not waiting and not self._promise.endless:
                    raise self._damaged(last, "a packet of it is incomplete")
                delay = tags.delay(packet)
                if delay is not None:
                    self.joined, self.skip = True, self.skip + delay
                    continue
                try:
                    frames = [frame for frame in packet.decode() if isinstance(frame, self._kind)]
                except av.error.FFmpegError as error:
                    if self._kind is VideoFrame and not waiting:
                        raise
                    if not tags.take(packet):
                        faults.append(reason(error))
                    cut = tags.is_frame(packet)
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
                    if last is not None and last > LONGEST:
                        raise BadItem(f"{self.path}: goes on for more than {LONGEST // 3600} hours; cut it into parts.")
                    yield time, frame
        except av.error.FFmpegError as error:
            raise self._damaged(last, reason(error)) from None
        # No tag stands behind the sound of a programme or transport stream.
        if (len(faults) > 1 or (faults and (cut or UNTAGGED & self.formats))) and not waiting:
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
            yield packet, not left_out(log)

    def _time(self, frame: Frame) -> Fraction | None:
        """A frame's time, None where the file has none. The first one that has one sets the origin."""
        # AVI has no presentation times: FFmpeg gives its packets decoding times, which `dts` has in the order of
        # display.
        ticks = frame.dts if self._container.format.name == "avi" else frame.pts
        if ticks is None or frame.time_base is None:
            return None
        stamp = ticks * frame.time_base
        self._origin = stamp - self._lead if self._origin is None else self._origin
        return stamp - self._origin

    def _check_length(self, reached: Fraction) -> None:
        """BadItem when the file has less than its headers promise; its last packet ends at `reached` (seconds)."""
        if not self.begin:  # a part is not blamed for a hole elsewhere
            self.check_losses(reached)
        if self._promise.endless:
            return
        stated = Fraction(self._container.duration or 0, av.time_base) if STATES_LENGTH & self.formats else Fraction(0)
        # Some count the length from the file's first timestamp, others from 0.
        present = max(reached, reached - Fraction(self._container.start_time or 0, av.time_base))
        slack = EXACT_SLACK if STATES_EXACTLY & self.formats else CUT_SLACK
        if stated - present > (min(slack, MISSING_SLACK) if self._promise.missing else slack):
            raise BadItem(
                f"{self.path}: is cut off: it says that it lasts {seconds(stated)} and ends after {seconds(present)}."
            )
        missing = max(self._promise.missing if not stated else 0, self._beyond_end())
        if missing:
            raise BadItem(f"{self.path}: is cut off after {seconds(present)}: at least {missing} bytes are missing.")

    def _beyond_end(self) -> int:
        """Bytes of the stream that the table of an mp4 has and the file has not."""
        if "mov" not in self.formats or not len(self._stream.index_entries):
            return 0
        last = self._stream.index_entries[-1]
        return max(0, last.pos + last.size - Path(self.path).stat().st_size)

    def _damaged(self, last: Fraction | None, why: str) -> BadItem:
        where = "at its beginning" if last is None else f"after {seconds(last)}"
        return BadItem(f"{self.path}: is damaged {where} ({why}).")


def exact(value: float) -> Fraction:
    """The number that somebody wrote: 0.1 is one tenth, not the double next to it, so that times compare exactly."""
    return Fraction(repr(float(value)))


def seconds(time: Fraction) -> str:
    """A time for a sentence."""
    return f"{float(time):.2f} s"
