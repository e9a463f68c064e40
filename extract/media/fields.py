"""Interlaced frames made whole: each holds two fields, a moment apart, which a network would take for combs.

Each frame's own flag decides, not what a container says of the clip: a progressive frame is handed on as it is, in a
clip of interlaced ones too. FFmpeg's filter `bwdif` looks at the frames before and after, and makes one frame of one,
at the time of its first field.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.filter import Graph
from av.video.frame import VideoFrame


class Timed(NamedTuple):
    """A frame, seconds, and whether it was interlaced; at the end of a clip there is a time without a frame."""

    time: Fraction
    frame: VideoFrame | None
    interlaced: bool = False


def whole_frames(frames: Iterable[tuple[Fraction, VideoFrame | None]]) -> Iterator[Timed]:
    """The same frames at the same times, interlaced ones deinterlaced; one behind what is read once there was one.

    Before the first interlaced frame nothing is filtered. Raises FFmpegError where the filter cannot (under 4 lines).
    """
    graph: Graph | None = None
    made_for = ""
    waiting: deque[Timed] = deque()
    for time, frame in frames:
        shape = "" if frame is None else f"{frame.width} {frame.height} {frame.format.name}"
        if graph is not None and shape != made_for:  # at the end, too
            yield from _ended(graph, waiting)
            graph = None
        if frame is None or (graph is None and not frame.interlaced_frame):
            yield Timed(time, frame)
            continue
        if graph is None:
            graph, made_for = _graph(frame), shape
        waiting.append(Timed(time, frame, frame.interlaced_frame))
        graph.vpush(frame)
        yield from _ready(graph, waiting)


def _ended(graph: Graph, waiting: deque[Timed]) -> Iterator[Timed]:
    graph.vpush(None)
    yield from _ready(graph, waiting)


def _ready(graph: Graph, waiting: deque[Timed]) -> Iterator[Timed]:
    while waiting:
        try:
            frame = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield waiting.popleft()._replace(frame=frame)


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
    )
    bwdif = graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink"))
    graph.configure()
    return graph
