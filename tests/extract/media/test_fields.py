"""A bar that moves from field to field: combs in what is stored, none in what is seen; no other frame is touched."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags

from fmn.extract.media.frames import frames
from fmn.extract.media.notes import noted
from fmn.item import Item

MPEG = Flags.interlaced_dct | Flags.interlaced_me
COUNT = 12


def bar(place):
    image = np.full((96, 160, 3), 30, np.uint8)
    image[16:80, place : place + 30] = 220
    return image


def make(path, codec="libx264", interlaced=True, count=COUNT, combed=True, matrix=None):
    """A clip whose bar moves by 4 pixels a field, or by 8 a frame where it is not `combed`."""
    options = {"x264-params": "tff=1"} if codec == "libx264" and interlaced else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.flags |= MPEG if interlaced and codec != "libx264" else 0
        stream.codec_context.thread_count = 1
        stream.codec_context.bit_rate = 4_000_000
        if matrix:
            stream.set_display_matrix(matrix)
        for k in range(count):
            image = bar(8 * k)
            if combed:
                image[1::2] = bar(8 * k + 4)[1::2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def read(path, *part):
    """(pictures, notes)."""
    return noted(lambda item: list(frames(item.path, *part)), Item("clip", "video", str(path)))


def plain(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def combs(image):
    """How far lines differ from the mean of those above and below, beside the bar's upper and lower edge."""
    grey = image[20:76, :, 1].astype(float)
    return np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).max()


def same(some, others):
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "mpeg2video"), ("a.avi", "mpeg4")]
)
def test_interlaced_clips_have_no_combs_and_keep_their_times(tmp_path, name, codec):
    path = make(tmp_path / name, codec)
    shown, notes = read(path)
    assert notes == ("deinterlaced",)
    assert len(shown) == COUNT
    assert min(combs(image) for image in plain(path)) > 100
    assert max(combs(image) for image in shown[1:-1]) < 60  # the first and the last lack a neighbour
    for k, image in enumerate(shown):
        left = int(np.flatnonzero(image[48, :, 1] > 125)[0])
        assert abs(left - 8 * k) <= 4


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.ts", "mpeg2video"), ("a.avi", "mpeg4")])
@pytest.mark.parametrize("combed", [True, False])
def test_progressive_clips_are_byte_for_byte_what_is_decoded(tmp_path, name, codec, combed):
    path = make(tmp_path / name, codec, interlaced=False, combed=combed)
    shown, notes = read(path)
    assert notes == ()
    assert same(shown, plain(path))


def test_a_part_is_what_the_whole_shows_there(tmp_path):
    path = make(tmp_path / "a.mp4")
    whole, _ = read(path)
    part, notes = read(path, 0.2, 0.4)
    assert notes == ("deinterlaced",)
    assert same(part, whole[5:10])


def test_a_single_interlaced_frame(tmp_path):
    shown, notes = read(make(tmp_path / "a.mp4", count=1))
    assert len(shown) == 1
    assert notes == ("deinterlaced",)


def test_deinterlaced_before_it_is_turned(tmp_path):
    one = 1 << 16
    upright, _ = read(make(tmp_path / "a.mp4"))
    turned, notes = read(make(tmp_path / "b.mp4", matrix=[0, one, 0, -one, 0, 0, 0, 0, 1 << 30]))
    assert notes == ("deinterlaced", "turned by 90 degrees")
    assert same(turned, [np.rot90(image, -1) for image in upright])


@pytest.mark.parametrize("interlaced_first", [True, False])
def test_of_a_mixed_clip_only_interlaced_frames_are_touched(tmp_path, interlaced_first):
    """Two transport streams, joined: each of their frames has its own flag."""
    kinds = [interlaced_first, not interlaced_first]
    parts = [make(tmp_path / f"{k}.ts", "mpeg2video", interlaced=kind) for k, kind in enumerate(kinds)]
    path = tmp_path / "mixed.ts"
    packets = []
    for number, part in enumerate(parts):
        with av.open(str(part)) as container:
            packets += [(number, bytes(packet), packet) for packet in container.demux(video=0) if packet.size]
    with av.open(str(path), "w") as container, av.open(str(parts[0])) as first:
        stream = container.add_stream_from_template(first.streams.video[0])
        for k, (_, data, old) in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.is_keyframe = stream, old.is_keyframe
            packet.pts = packet.dts = k
            packet.time_base = Fraction(1, 25)
            container.mux(packet)
    with av.open(str(path)) as container:
        flags = [frame.interlaced_frame for frame in container.decode(video=0)]
    assert flags == [kinds[0]] * COUNT + [kinds[1]] * COUNT
    shown, notes = read(path)
    assert set(notes) == {"deinterlaced", "interlaced in part"}
    stored = plain(path)
    assert len(shown) == 2 * COUNT
    for k, interlaced in enumerate(flags):
        assert np.array_equal(shown[k], stored[k]) is not interlaced, k
