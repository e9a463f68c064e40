"""Opening a file: which stream is meant, and what is said of one that nobody can decode."""

import os
from fractions import Fraction

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from fmn.errors import BadItem
from fmn.extract.media.frames import frames, has_video
from fmn.extract.media.opening import best_stream, lead, opened
from fmn.extract.media.waveform import waveform


def make(path, video="libx264", audio=("flac",), rate=16000):
    with av.open(str(path), "w") as container:
        film = container.add_stream(video, rate=25)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        tracks = [container.add_stream(codec, rate=rate, layout="mono") for codec in audio]
        for _ in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format="rgb24")
            container.mux(film.encode(picture))
        container.mux(film.encode())
        for place, track in enumerate(tracks):
            tone = 0.2 * (place + 1) * np.sin(np.arange(rate) / 7)
            frame = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            container.mux([*track.encode(frame), *track.encode(None)])
    return path


def spoilt(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


@pytest.mark.parametrize(("name", "old", "new"), [("a.mkv", b"A_FLAC", b"A_QQQQ"), ("a.mp4", b"alac", b"qqqq")])
def test_sound_in_an_unknown_coding_is_a_sentence(tmp_path, name, old, new):
    path = spoilt(make(tmp_path / name, audio=("flac" if name.endswith("mkv") else "alac",)), old, new)
    with pytest.raises(
        BadItem, match=rf"{name}: its audio is in a coding that FFmpeg does not know here; convert it, to"
    ):
        waveform(path)
    assert len(list(frames(path))) == 25


@pytest.mark.parametrize(
    ("name", "old", "new"), [("v.mkv", b"V_MPEG4/ISO/AVC", b"V_QQQQQ/QQQ/QQQ"), ("v.mp4", b"avc1", b"qqqq")]
)
def test_pictures_in_an_unknown_coding_are_a_sentence(tmp_path, name, old, new):
    path = spoilt(make(tmp_path / name, audio=("flac" if name.endswith("mkv") else "alac",)), old, new)
    with pytest.raises(
        BadItem, match=rf"{name}: its video is in a coding that FFmpeg does not know here; convert it, to"
    ):
        list(frames(path))
    assert has_video(path)
    assert len(waveform(path)) >= 16000


def test_of_two_tracks_the_one_that_can_be_decoded_is_read(tmp_path):
    path = spoilt(make(tmp_path / "two.mkv", audio=("flac", "pcm_s16le")), b"A_FLAC", b"A_QQQQ")
    assert np.abs(waveform(path)).max() == pytest.approx(0.4, abs=0.01)


def test_the_stream_of_each_kind(tmp_path):
    with opened(make(tmp_path / "clip.mkv")) as container:
        assert best_stream("clip.mkv", container, VideoFrame).type == "video"
        sound = best_stream("clip.mkv", container, AudioFrame)
        assert sound.type == "audio"
        assert lead(container, sound) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile one.mp4\nfile list.mp4\n"),
        ("list.ts", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\none.mp4\n"),
    ],
)
def test_a_list_of_other_files_is_no_media_file(tmp_path, name, text):
    """Such a file may name any file of the machine, itself among them."""
    (tmp_path / name).write_text(text)
    make(tmp_path / "one.mp4")
    with pytest.raises(BadItem, match=r"is a list of other files|is not a media file|is a text file"):
        list(frames(tmp_path / name))


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "clip.mp4")  # which nobody writes into: opening it would wait for ever
    with pytest.raises(BadItem, match="empty"):
        list(frames(tmp_path / "clip.mp4"))
