"""Files that are cut are told from whole ones, and whole ones that look odd are not called damaged."""

import random
import struct

import numpy as np
import pytest
from media_files import pictures, sound, wobble

from fmn.errors import BadItem
from fmn.extract.media.frames import frames
from fmn.extract.media.waveform import waveform
from fmn.extract.media.whole import promise

RATE = 44100
TONE = wobble(4, RATE)


def cuts(size, seed=1):
    """Bytes that a cut takes: a few, and up to a third of the file."""
    draw = random.Random(seed)
    return [1, 2, 3, 10, 50, 100, 189, 1000, *(draw.randrange(1, size // 3) for _ in range(12))]


SOUNDS = {
    "cut.wav": "pcm_s16le",
    "cut.aiff": "pcm_s16be",
    "cut.au": "pcm_s16be",
    "cut.caf": "pcm_s16le",
    "cut.w64": "pcm_s16le",
    "cut.flac": "flac",
    "cut.wv": "wavpack",
    "cut.tta": "tta",
    "cut.mp3": "libmp3lame",
    "cut.aac": "aac",
    "cut.m4a": "aac",
    "cut.mka": "aac",
    "cut.opus": "libopus",
    "cut.webm": "libopus",
}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_recording_that_is_cut_anywhere_is_not_passed_as_whole(tmp_path, name):
    options = {"options": {"movflags": "faststart"}} if name.endswith("m4a") else {}
    rate = 48000 if SOUNDS[name] == "libopus" else RATE
    path = sound(tmp_path / name, SOUNDS[name], TONE[: 3 * rate], rate, **options)
    whole, length = path.read_bytes(), len(waveform(path))
    assert abs(length - 48000) < 2048
    for cut in cuts(len(whole)):
        path.write_bytes(whole[:-cut])
        try:
            heard = len(waveform(path))
        except BadItem as error:
            assert "is cut off" in str(error) or "is damaged" in str(error)
        else:
            assert length - heard <= 2, cut


CLIPS = {
    "cut.gif": ("gif", "rgb8"),
    "cut.ts": ("libx264", "yuv420p"),
    "cut.mp4": ("libx264", "yuv420p"),
    "cut.mkv": ("libx264", "yuv420p"),
    "cut.flv": ("libx264", "yuv420p"),
    "cut.avi": ("mpeg4", "yuv420p"),
    "cut.webm": ("libvpx", "yuv420p"),
}


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_that_is_cut_anywhere_is_not_passed_as_whole(tmp_path, name):
    path = pictures(tmp_path / name, *CLIPS[name], **({"movflags": "faststart"} if name.endswith("mp4") else {}))
    whole = path.read_bytes()
    assert sum(1 for _ in frames(path)) == 100
    for cut in cuts(len(whole)):
        path.write_bytes(whole[:-cut])
        try:
            shown = sum(1 for _ in frames(path))
        except BadItem as error:
            assert "is cut off" in str(error) or "is damaged" in str(error)
        else:
            assert shown == 100, cut


def test_a_part_before_the_cut_is_whole(tmp_path):
    path = sound(tmp_path / "cut.mp3", "libmp3lame")
    path.write_bytes(path.read_bytes()[:-5000])
    assert len(waveform(path, 1.0, 2.0)) == 16000
    with pytest.raises(BadItem, match=r"is cut off after 3\.\d\d s: at least \d+ bytes are missing"):
        waveform(path)


@pytest.mark.parametrize(
    "stated", [0xFFFFFFFF, 0xFFFFFFDB, 0x7FFFF000, 0x7FFFEFDC, 0x7FFFFFFF, 0x80000000, 0x80000024, 0]
)
@pytest.mark.parametrize("samples", [4095, 16000, 16384, 20001])
def test_a_wav_whose_header_leaves_the_length_open_is_whole(tmp_path, stated, samples):
    path = sound(tmp_path / "pipe.wav", samples=TONE[:samples], rate=16000)
    data = bytearray(path.read_bytes())
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = struct.pack("<I", stated)
    path.write_bytes(data)
    heard = waveform(path)
    assert heard.shape == (samples,)
    assert np.abs(heard - TONE[:samples]).max() < 1e-4
    assert len(waveform(path, 0.1, 0.2)) == 1600
    path.write_bytes(data + b"\1")  # half a sample
    assert waveform(path).shape == (samples,)


def test_an_rf64_whose_size_stands_elsewhere_is_whole_or_cut(tmp_path):
    path = sound(tmp_path / "long.wav", options={"rf64": "always"})
    whole = path.read_bytes()
    assert whole[:4] == b"RF64"
    assert waveform(path).shape == (64000,)
    path.write_bytes(whole[:-200])
    assert promise(path, {"wav"}).missing == 200
    with pytest.raises(BadItem, match=r"is (cut off|damaged)"):
        waveform(path)


@pytest.mark.parametrize("tagged", [True, False])
def test_recordings_that_are_joined_are_one(tmp_path, tagged):
    one = sound(tmp_path / "one.mp3", "libmp3lame", TONE[:RATE], options={"id3v2_version": "4" if tagged else "0"})
    alone = len(waveform(one))
    both = tmp_path / "both.mp3"
    both.write_bytes(2 * one.read_bytes())
    # Between the two stands what the encoder fills its last frame with, and not what it puts before the sound.
    heard = waveform(both)
    assert 2 * alone <= len(heard) <= 2 * alone + 800
    three = tmp_path / "three.mp3"
    three.write_bytes(3 * (one.read_bytes() + b"TAG" + b"A title".ljust(125, b"\0")))
    assert 3 * alone <= len(waveform(three)) <= 3 * alone + 1600


def test_tags_behind_the_sound_are_no_damage(tmp_path):
    for name, codec in (("song.flac", "flac"), ("song.mp3", "libmp3lame"), ("song.aac", "aac")):
        path = sound(tmp_path / name, codec)
        plain = waveform(path)
        path.write_bytes(path.read_bytes() + b"TAG" + b"A title".ljust(125, b"\0"))
        assert np.array_equal(waveform(path), plain)


def test_a_live_recording_of_unknown_length_is_whole(tmp_path):
    path = sound(tmp_path / "live.webm", "libopus", TONE[:48000], 48000, options={"live": "1"})
    assert promise(path, {"matroska"}).missing == 0
    assert abs(len(waveform(path)) - 16000) < 400
