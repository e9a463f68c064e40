"""Intervals are cut exactly, and by seeking: against a plain decode from the beginning, on clips that bear numbers."""

import random
from fractions import Fraction

import av
import numpy as np
import pytest

from fmn.extract.items.manifest import read_manifest
from fmn.extract.media import stream
from fmn.extract.media.frames import frames

BITS = 16  # blocks of 16 x 16 pixels, 4 x 4 of them
GOP = 120


def picture(number):
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8).reshape(4, 4)
    return np.kron(bits, np.full((16, 16), 255, np.uint8))


def number(image):
    bits = np.asarray(image)[8::16, 8::16, 1].ravel() > 128
    return sum(int(bit) << place for place, bit in enumerate(bits))


def make(path, count, rate=Fraction(25), codec="libx264", stamps=None, **options):
    """A clip of `count` frames with their numbers in them. `stamps`: their times in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.options = {key: str(value) for key, value in options.items()}
        stream.codec_context.gop_size = GOP
        stream.codec_context.max_b_frames = 3
        stream.codec_context.thread_count = 1
        if stamps is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index), format="gray").reformat(format="yuv420p")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def irregular(count, seed=5):
    draw = random.Random(seed)
    times = [0]
    for _ in range(count - 1):
        times.append(times[-1] + draw.choice((20, 33, 40, 41, 67, 250)))
    return times


X264 = {"preset": "veryfast", "bf": 3, "g": GOP, "sc_threshold": 0, "x264-params": "scenecut=0:keyint=120:b-adapt=0"}
OPEN = X264 | {"x264-params": "scenecut=0:keyint=120:min-keyint=120:b-adapt=0:open-gop=1"}
CLIPS = {
    "variable.mp4": {"stamps": irregular(500), **X264},
    "variable.mkv": {"stamps": irregular(500), **X264},
    "b-frames.mp4": X264,
    "b-frames.mkv": X264,
    "b-frames.ts": X264,
    "open-gop.mp4": OPEN,
    "open-gop.mkv": OPEN,
    "29.4.mp4": {"rate": Fraction(147, 5), **X264},
    "29.4.mkv": {"rate": Fraction(147, 5), **X264},
    "29.4.avi": {"rate": Fraction(147, 5), "codec": "mpeg4"},
}


def decoded(path):
    """Every frame in the order of display, by decoding from the beginning: (seconds since the first, its number)."""
    with av.open(str(path)) as container:
        found = []
        for index, frame in enumerate(container.decode(video=0)):
            # AVI has a frame rate and no times.
            rate = container.streams.video[0].average_rate
            time = index / rate if path.suffix == ".avi" else frame.pts * frame.time_base
            found.append((time, number(frame.to_ndarray(format="rgb24"))))
            assert found[-1][1] == index  # the number in the picture is the one that FFmpeg counts
    return [(time - found[0][0], shown) for time, shown in found]


@pytest.mark.parametrize("name", CLIPS)
def test_an_interval_begins_and_ends_with_the_frames_of_a_decode_from_the_beginning(name, tmp_path):
    path = make(tmp_path / name, 500, **CLIPS[name])
    times = decoded(path)
    draw = random.Random(name)
    length = float(times[-1][0])
    for _ in range(30):
        start = round(draw.uniform(0, length - 1.5), 3)
        end = round(start + draw.uniform(0.1, 1.4), 3)
        shown = [number(image) for image in frames(path, start, end)]
        expected = []
        at = Fraction(str(start))
        while at < Fraction(str(end)):
            expected.append(max(index for time, index in times if time <= at))
            at += Fraction(1, 25)
        assert shown == expected, (start, end)


@pytest.mark.parametrize("name", ["29.4.avi", "29.4.mp4", "29.4.mkv"])
def test_annotated_frames_are_cut_out_and_no_others(name, tmp_path):
    from fmn.datasets.frame_times import frame_times

    path = make(tmp_path / name, 300, **CLIPS[name])
    draw = random.Random(name)
    for _ in range(30):
        first = draw.randrange(1, 280)  # counted from 1, as the annotations do
        last = first + draw.randrange(0, 20)
        start, end = frame_times(first, last, 29.4)
        every = [number(image) for image in frames(path, start, end, fps=200)]
        assert sorted(set(every)) == list(range(first - 1, last)), (first, last)
        usual = [number(image) for image in frames(path, start, end)]
        assert usual[0] == first - 1
        assert last - 2 <= usual[-1] <= last - 1


class Counted:
    """Counts the video packets that the decoder is given, and the times a file is opened."""

    def __init__(self, monkeypatch):
        self.packets = self.opened = 0
        packets, opened = stream.MediaStream._packets, stream.opened

        def counting(media):
            for packet, whole in packets(media):
                self.packets += packet.stream.type == "video"
                yield packet, whole

        def counting_files(path):
            self.opened += 1
            return opened(path)

        monkeypatch.setattr(stream.MediaStream, "_packets", counting)
        monkeypatch.setattr(stream, "opened", counting_files)


RATE = 10
FOUR_MINUTES = 240 * RATE
# What one clip may cost: its second, the key frame before it, the frame that tells the time of the first one, and what
# the decoder holds back to put B-frames in order; twice, because the first key frame found may lie behind the start.
MOST = 2 * (GOP + RATE + 2 * 16)


@pytest.fixture(scope="module", params=["long.mp4", "long.mkv", "long.avi", "long.ts"])
def four_minutes(request, tmp_path_factory):
    options = {"codec": "mpeg4"} if request.param.endswith("avi") else X264
    if request.param.endswith("ts"):  # has no table of key frames: they are looked for, so that short GOPs matter
        options = X264 | {"g": 20, "x264-params": "scenecut=0:keyint=20:b-adapt=0"}
    return make(tmp_path_factory.mktemp("long") / request.param, FOUR_MINUTES, rate=Fraction(RATE), **options)


def test_a_second_near_the_end_of_a_long_video_is_sought(four_minutes, monkeypatch):
    counted = Counted(monkeypatch)
    shown = [number(image) for image in frames(four_minutes, 237.0, 238.0, fps=RATE)]
    assert shown == list(range(2370, 2380))
    assert 10 <= counted.packets <= MOST
    assert counted.opened <= 2


def test_a_second_at_the_beginning_costs_no_more(four_minutes, monkeypatch):
    counted = Counted(monkeypatch)
    assert [number(image) for image in frames(four_minutes, 0.0, 1.0, fps=RATE)] == list(range(10))
    assert counted.packets <= RATE + 2 * 16


def test_each_of_many_clips_of_one_long_video_is_sought(four_minutes, monkeypatch):
    draw = random.Random(1)
    starts = [draw.randrange(0, 2380) for _ in range(40)]
    lines = [
        f"clip-{index},video,{four_minutes.name},pour,{start / RATE},{start / RATE + 1}\n"
        for index, start in enumerate(starts)
    ]
    manifest = four_minutes.parent / "manifest.csv"
    manifest.write_text("id,modality,path,label,start,end\n" + "".join(lines))
    items = [item for item in read_manifest(manifest).items if item.modality == "video"]
    assert len(items) == 40
    counted = Counted(monkeypatch)
    for start, item in zip(starts, items, strict=True):
        before = counted.packets
        shown = [number(image) for image in frames(item.path, item.start, item.end, fps=RATE)]
        assert shown == list(range(start, start + 10))
        assert counted.packets - before <= MOST
    assert counted.packets < 40 * FOUR_MINUTES / 10
