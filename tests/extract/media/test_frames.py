"""Clips are made here with the frame's number written into its pixels, so that the right frame can be proven."""

import random
import tracemalloc
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest

from fmn.errors import BadItem
from fmn.extract.media.frames import frames, has_video

WIDTH, HEIGHT = 160, 120


def picture(number, width=WIDTH, height=HEIGHT):
    """Eight stripes in the upper half are the bits of `number`; a red square marks the lower left corner."""
    image = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        image[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 255 * (number >> bit & 1)
    image[height // 2 :, : width // 2] = (220, 20, 20)
    return image


def number(image):
    height, width = image.shape[:2]
    return sum(int(image[height // 4, (2 * bit + 1) * width // 16, 1] > 128) << bit for bit in range(8))


def numbers(path, *args, **options):
    return [number(image) for image in frames(path, *args, **options)]


def make(
    path, codec="libx264", count=60, rate=25, stamps=None, base=None, key_every=12, b_frames=2, rotation=None, **more
):
    """Write a clip. `stamps`: pts of the frames in units of `base`; evenly spaced when not given."""
    width, height = more.get("size", (WIDTH, HEIGHT))
    with av.open(str(path), "w", format=more.get("format")) as container:
        stream = container.add_stream(codec, rate=rate, options={"sc_threshold": "0"} if codec == "libx264" else {})
        stream.width, stream.height = width, height
        stream.pix_fmt = more.get("pixels", "yuv420p")
        if codec in ("libx264", "mpeg4", "mpeg2video"):
            stream.codec_context.gop_size = key_every
            stream.codec_context.max_b_frames = b_frames
        if base is not None:
            stream.time_base = stream.codec_context.time_base = base
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index, width, height), format="rgb24")
            if stream.pix_fmt == "rgb8":
                frame = frame.reformat(format="rgb8")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[index], base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def expected(times, finish, start=0.0, end=None, fps=25):
    """The plain reading of the rule: the latest frame whose time is not after start + k / fps."""
    shown, k = [], 0
    stop = finish if end is None else min(Fraction(str(end)), finish)
    while (at := Fraction(str(start)) + Fraction(k, fps)) < stop:
        shown.append(max(index for index, time in enumerate(times) if time - times[0] <= at))
        k += 1
    return shown


FORMATS = {
    "h264-b.mp4": {},
    "h264-b.mkv": {},
    "h264-b.mov": {},
    "h264-b.ts": {},
    "h264-b.flv": {},
    "mpeg4-b.avi": {"codec": "mpeg4"},
    "mpeg2-b.mpg": {"codec": "mpeg2video"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "one-loop.gif": {"codec": "gif", "pixels": "rgb8"},
    "raw-without-timestamps.h264": {},
    "one-key-frame.mp4": {"key_every": 1000},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {name: make(folder / name, **options) for name, options in FORMATS.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_every_frame_of_a_clip_at_25_fps_is_shown_once(made, name):
    assert numbers(made[name]) == list(range(60))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("start", "end"), [(0.04, 0.2), (1.24, 2.0), (1.25, None), (2.36, 2.4), (None, 0.5)])
def test_a_part_is_what_the_whole_shows_there(made, name, start, end):
    times = [Fraction(index, 25) for index in range(60)]
    assert numbers(made[name], start, end) == expected(times, Fraction(60, 25), start or 0.0, end)


@pytest.mark.parametrize("rate", [10, 12, 24, 30, 50, 60])
@pytest.mark.parametrize("fps", [25.0, 12.5])
def test_other_rates_keep_their_speed(tmp_path, rate, fps):
    path = make(tmp_path / "clip.mp4", rate=rate)
    times = [Fraction(index, rate) for index in range(60)]
    assert numbers(path, fps=fps) == expected(times, Fraction(60, rate), fps=Fraction(str(fps)))
    assert numbers(path, 0.5, 0.9, fps=fps) == expected(times, Fraction(60, rate), 0.5, 0.9, Fraction(str(fps)))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("first", [0, 7000])
@pytest.mark.parametrize("seed", [1, 2])
def test_variable_frame_rate_with_b_frames_follows_the_timestamps(tmp_path, suffix, first, seed):
    draw = random.Random(seed)
    stamps = [first]
    for _ in range(59):
        stamps.append(stamps[-1] + draw.choice([10, 20, 30, 40, 70, 300, 1500]))
    path = make(tmp_path / f"clip.{suffix}", stamps=stamps, base=Fraction(1, 1000))
    times = [Fraction(stamp, 1000) for stamp in stamps]
    shown = numbers(path)
    known = expected(times, times[-1] - times[0])  # how long the last frame stands is for the container to say
    assert shown[: len(known)] == known
    assert set(shown[len(known) :]) <= {59}
    start = float(times[40] - times[0]) - 0.01
    end = float(times[50] - times[0]) + 0.005
    assert numbers(path, start, end) == expected(times, times[-1], round(start, 3), round(end, 3))


@pytest.mark.parametrize(("rotation", "corner"), [(0, (1, 0)), (90, (1, 1)), (180, (0, 1)), (-90, (0, 0))])
def test_rotation_metadata_is_applied(tmp_path, rotation, corner):
    path = make(tmp_path / "clip.mp4", count=3, rotation=rotation)
    image = next(frames(path))
    assert image.shape == ((HEIGHT, WIDTH, 3) if rotation in (0, 180) else (WIDTH, HEIGHT, 3))
    height, width = image.shape[:2]
    red = {
        (row, column)
        for row in (0, 1)
        for column in (0, 1)
        if image[8 + row * (height - 17), 8 + column * (width - 17), 0] > 150
        and image[8 + row * (height - 17), 8 + column * (width - 17), 1] < 90
    }
    assert red == {corner}


def test_odd_sizes(tmp_path):
    path = make(tmp_path / "clip.mkv", codec="ffv1", size=(83, 61), pixels="yuv444p", count=5)
    shown = list(frames(path))
    assert {image.shape for image in shown} == {(61, 83, 3)}
    assert [number(image) for image in shown] == list(range(5))


def test_colours_are_rgb(tmp_path):
    image = next(frames(make(tmp_path / "clip.mkv", codec="ffv1", pixels="bgr0", count=1)))
    assert np.array_equal(image, picture(0))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif", "clip.mkv"])
def test_a_clip_of_one_frame_is_a_clip(tmp_path, name):
    gif = {"codec": "gif", "pixels": "rgb8"} if name.endswith("gif") else {}
    shown = numbers(make(tmp_path / name, count=1, **gif))
    assert shown
    assert set(shown) == {0}


def test_recordings_put_together_go_on_although_their_timestamps_start_again(tmp_path):
    one = make(tmp_path / "one.mpg", codec="mpeg2video", count=30, b_frames=0).read_bytes()
    both = tmp_path / "both.mpg"
    both.write_bytes(one + one)
    assert numbers(both) == [*range(30), *range(30)]


def noise(path, at, length=4000):
    data = bytearray(path.read_bytes())
    data[at : at + length] = random.Random(0).randbytes(length)
    path.write_bytes(data)


def bulky(path, **options):
    """A clip whose frames are noise, so that every part of the file is picture data: 10 s, a key frame each second."""
    draw = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25, options={"sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 25
        for _ in range(250):
            image = draw.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_damage_in_the_middle_fails_and_says_how_far_it_came(tmp_path, suffix):
    path = bulky(tmp_path / f"clip.{suffix}")
    undamaged = path.read_bytes()
    for part in (0.46, 0.48, 0.5, 0.52, 0.54):
        path.write_bytes(undamaged)
        noise(path, int(part * len(undamaged)))
        for _ in range(2):  # a second reading by the same process finds the same
            seen = 0
            with pytest.raises(BadItem, match=rf"clip.{suffix}: is damaged (?:after [45]\.\d\d s )?\(.+\)\.$"):
                for _ in frames(path):
                    seen += 1
            # An FLV's first seconds are read when it is opened: it is known to be damaged before any frame.
            assert 100 <= seen <= 140 or (suffix == "flv" and not seen)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv"])
def test_a_file_that_is_cut_off_fails(tmp_path, suffix):
    path = bulky(tmp_path / f"clip.{suffix}", **({"movflags": "faststart"} if suffix == "mp4" else {}))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadItem, match=r"is cut off.* after [45]\.\d\d s|is damaged (after [45]|.some of its first)"):
        list(frames(path))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_part_is_sought_and_not_decoded_from_the_beginning(tmp_path, suffix):
    path = bulky(tmp_path / f"clip.{suffix}")
    whole = list(frames(path))
    noise(path, path.stat().st_size // 4)
    part = list(frames(path, 6.0, 7.0))  # decoding from the beginning would fail at about 2.5 s
    assert len(part) == 25
    assert all(np.array_equal(one, other) for one, other in zip(part, whole[150:175], strict=True))


def test_frames_are_streamed(tmp_path):
    path = bulky(tmp_path / "clip.mp4")
    noise(path, path.stat().st_size * 3 // 4)
    assert len(list(islice(frames(path), 50))) == 50  # the damage is not yet reached
    path = make(tmp_path / "long.mp4", count=250)
    image = HEIGHT * WIDTH * 3
    tracemalloc.start()
    count = sum(1 for _ in frames(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 250
    assert peak < 8 * image


def sound_only(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_files_that_are_no_video_are_named_with_their_reason(tmp_path):
    def told(name):
        with pytest.raises(BadItem) as caught:
            list(frames(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value)
        return str(caught.value)

    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("Once upon a time there was no video in here.\n" * 50)
    (tmp_path / "notes.txt").write_text("Once upon a time there was no video in here.\n" * 50)
    (tmp_path / "folder.mp4").mkdir()
    sound_only(tmp_path / "sound.mp4")
    with av.open(str(tmp_path / "frameless.avi"), "w") as container:
        container.add_stream("mpeg4", rate=25).pix_fmt = "yuv420p"
        container.start_encoding()
    reasons = [
        told("missing.mp4"),
        told("empty.mp4"),
        told("text.mp4"),
        told("notes.txt"),
        told("folder.mp4"),
        told("sound.mp4"),
        told("frameless.avi"),
    ]
    for reason, words in zip(
        reasons,
        [
            "does not exist",
            "0 bytes",
            "not a media file",
            "text file",
            "is a folder",
            "no video stream",
            "holds no frame",
        ],
        strict=True,
    ):
        assert words in reason


def test_a_start_or_end_beyond_the_file(tmp_path):
    path = make(tmp_path / "clip.mp4", count=50)
    with pytest.raises(BadItem, match=r"starts at 2\.00 s, but the file ends at 2\.00 s"):
        list(frames(path, 2.0))
    with pytest.raises(BadItem, match=r"ends at 3\.50 s, but the file ends at 2\.00 s"):
        list(frames(path, 1.0, 3.5))
    assert numbers(path, 1.0, 2.9) == list(range(25, 50))  # annotated times are rounded


def test_a_frame_size_that_changes_on_the_way(tmp_path):
    both = tmp_path / "both.h264"
    large, small = make(tmp_path / "large.h264", count=30), make(tmp_path / "small.h264", count=30, size=(80, 60))
    both.write_bytes(large.read_bytes() + small.read_bytes())
    with pytest.raises(BadItem, match="frame size changes from 160 x 120 to 80 x 60"):
        list(frames(both))


def test_timestamps_that_jump_far_ahead(tmp_path):
    stamps = [index * 40 + (3_600_000 if index > 5 else 0) for index in range(10)]
    path = make(tmp_path / "clip.mkv", count=10, stamps=stamps, base=Fraction(1, 1000))
    with pytest.raises(BadItem, match=r"timestamps jump from 0\.20 s to 3600\.24 s"):
        list(frames(path))


@pytest.mark.parametrize("times", [(2.0, 1.0), (1.0, 1.0), (-1.0, None)])
def test_times_that_are_no_interval(tmp_path, times):
    with pytest.raises(ValueError, match="0 <= start < end"):
        list(frames(tmp_path / "clip.mp4", *times))


def test_fps_above_zero(tmp_path):
    with pytest.raises(ValueError, match="above 0"):
        list(frames(tmp_path / "clip.mp4", fps=0))


def test_has_video(tmp_path):
    assert has_video(make(tmp_path / "clip.mp4", count=2))
    assert not has_video(sound_only(tmp_path / "sound.mp4"))
    with pytest.raises(BadItem):
        has_video(tmp_path / "missing.mp4")


def test_an_album_cover_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(cover.encode(av.VideoFrame.from_ndarray(picture(1, 64, 64), format="rgb24")))
        container.mux(cover.encode())
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    assert not has_video(path)
    with pytest.raises(BadItem, match="no video stream"):
        list(frames(path))


def test_the_last_frame_of_a_variable_rate_stands_as_long_as_it_says(tmp_path):
    """mp4 says how long decoding takes from one packet to the next: with B-frames not how long a frame is shown."""
    stamps = [0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 560, 840, 1120, 1400, 1680, 1960]
    path = make(tmp_path / "clip.mp4", count=16, stamps=stamps, base=Fraction(1, 1000), b_frames=3)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
    assert [packet.pts for packet in packets] != sorted(packet.pts for packet in packets)  # there are B-frames
    times = [Fraction(stamp, 1000) for stamp in stamps]
    assert numbers(path) == expected(times, Fraction(2))  # 50 frames: the last one is shown for 0.04 s
