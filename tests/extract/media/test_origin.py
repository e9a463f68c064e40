"""Sound and pictures of one file count time from one begin: a flash and a beep at 2.0 s are found there in both."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fmn.extract.media.frames import frames
from fmn.extract.media.waveform import waveform

CODECS = {"mkv": ("flac", 16000), "mka": ("flac", 16000), "mp4": ("aac", 48000), "mov": ("pcm_s16le", 16000)}
CODECS |= {"ts": ("libmp3lame", 48000), "webm": ("libopus", 48000)}


def make(path, sound_from=0.0, pictures_from=0.0, seconds=4.0, first=0.0):
    """Pictures at 25 a second with a flash, sound with a beep, both at 2.0 s; all timestamps lie `first` seconds on."""
    codec, rate = CODECS[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        film = container.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=25)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        film.codec_context.max_b_frames = 0
        film.time_base = film.codec_context.time_base = Fraction(1, 1000)
        track = container.add_stream(codec, rate=rate, layout="mono")
        packets = []
        for index in range(round(25 * pictures_from), round(25 * seconds)):
            image = np.full((48, 64, 3), 255 if index == 50 else 10, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * first) + 40 * index, Fraction(1, 1000)
            packets += film.encode(frame)
        packets += film.encode()
        t = np.arange(round(sound_from * rate), round(seconds * rate)) / rate
        beep = 0.5 * np.sin(2 * np.pi * 1000 * t) * ((t >= 2.0) & (t < 2.2))
        for at in range(0, len(t), 1024):
            part = beep[at : at + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(part[None], format="flt", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round((first + sound_from) * rate) + at
            packets += track.encode(frame)
        packets += track.encode()
        for packet in sorted((one for one in packets if one.dts is not None), key=lambda one: one.dts * one.time_base):
            container.mux(packet)
    return path


def beep_at(samples):
    return int(np.flatnonzero(np.abs(samples) > 0.25)[0]) / 16000


def flash_at(path, *part):
    return next(index for index, image in enumerate(frames(path, *part)) if image.mean() > 128) / 25


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "ts", "webm"])
@pytest.mark.parametrize(("sound_from", "pictures_from"), [(0.0, 0.0), (0.96, 0.0), (0.0, 0.8), (0.5, 0.2)])
def test_what_is_at_two_seconds_is_found_there(tmp_path, suffix, sound_from, pictures_from):
    path = make(tmp_path / f"late.{suffix}", sound_from, pictures_from)
    begin = min(sound_from, pictures_from)  # of the file: players begin there
    near = 0.061 if suffix == "ts" else 0.021  # an encoder's delay before the sound, which ts does not tell
    for start, end in ((1.5, 3.0), (1.0, 2.5), (0.1, 3.4)):
        assert beep_at(waveform(path, start, end)) == pytest.approx(2.0 - begin - start, abs=0.06)
        assert flash_at(path, start, end) == pytest.approx(2.0 - begin - start, abs=near)
    whole = waveform(path)
    assert len(whole) == pytest.approx(16000 * (4.0 - begin), abs=1600)
    assert beep_at(whole) == pytest.approx(2.0 - begin, abs=0.06)
    assert flash_at(path) == pytest.approx(2.0 - begin, abs=near)
    assert abs(sum(1 for _ in frames(path)) - round(25 * (4.0 - begin))) <= (suffix == "ts")


def test_before_late_sound_there_is_silence_and_before_late_pictures_the_first_one(tmp_path):
    path = make(tmp_path / "late.mkv", sound_from=0.96)
    whole = waveform(path)
    assert not whole[: round(0.959 * 16000)].any()
    path = make(tmp_path / "dark.mkv", pictures_from=0.8)
    shown = list(frames(path, 0.0, 1.0))
    assert len(shown) == 25
    assert all(np.array_equal(shown[0], image) for image in shown[:20])
    assert len(list(frames(path, 0.2, 0.6))) == 10


def test_the_first_timestamp_of_a_file_does_not_matter(tmp_path):
    path = make(tmp_path / "late.mkv", sound_from=0.96, first=7.0)
    assert beep_at(waveform(path, 1.5, 3.0)) == pytest.approx(0.5, abs=0.01)
    assert flash_at(path, 1.5, 3.0) == pytest.approx(0.5, abs=0.021)
