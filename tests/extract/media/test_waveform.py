"""Recordings are made here from a rising tone whose every sample is known."""

import tracemalloc
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from fmn.errors import BadItem
from fmn.extract.media.waveform import waveform


def tone(seconds, rate, first=0.0):
    """A chirp from 200 Hz on, sampled from `first` seconds."""
    t = first + np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * (200 + 150 * t) * t)


def write(path, codec, channels, rate, layout="mono", kind="fltp", bit_rate=None, video=False, skip=None, jump=0):
    """Encode [channels, n] floats. `skip`: (seconds from, to) whose packets are left out of the file. `jump`: seconds
    by which the timestamps leap ahead after one second."""
    with av.open(str(path), "w") as container:
        if video:
            pictures = container.add_stream("libx264", rate=25)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        if video:
            for _ in range(5):
                black = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
                container.mux(pictures.encode(black))
            container.mux(pictures.encode())
        packets = []
        for start in range(0, channels.shape[1], 1024):
            part = channels[:, start : start + 1024]
            if kind == "s16":
                part = np.round(part * 32767).astype(np.int16).T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format=kind, layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in packets:
            if jump and packet.pts * packet.time_base >= 1:
                packet.pts, packet.dts = packet.pts + jump * rate, packet.dts + jump * rate
            if skip is None or packet.pts is None or not skip[0] <= packet.pts * packet.time_base < skip[1]:
                container.mux(packet)
    return path


def error(one, other, edge=100):
    """Largest difference, the filter's ends left out."""
    assert abs(len(one) - len(other)) <= 1
    length = min(len(one), len(other))
    return np.abs(one[edge : length - edge] - other[edge : length - edge]).max()


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("name", ["tone.wav", "tone.flac", "tone.mka"])
def test_lossless_files_come_back_at_16_khz(tmp_path, rate, name):
    codec = "pcm_s16le" if name.endswith("wav") else "flac"
    path = write(tmp_path / name, codec, tone(1.5, rate)[None].astype(np.float32), rate, kind="s16")
    sound = waveform(path)
    assert sound.dtype == np.float32
    assert sound.shape == (24000,)
    assert error(sound, tone(1.5, 16000)) < 1e-3
    assert error(waveform(path, rate=8000), tone(1.5, 8000)) < 1e-3


LOSSY = {
    "tone.mp3": ("libmp3lame", 44100, "fltp", 192000),
    "tone.m4a": ("aac", 44100, "fltp", 128000),
    "tone.mkv": ("aac", 44100, "fltp", 128000),
    "tone.webm": ("libopus", 48000, "flt", 128000),
    "tone.opus": ("libopus", 48000, "flt", 128000),
    "tone.ts": ("libmp3lame", 44100, "fltp", 192000),
}


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_files_and_parts_of_them(tmp_path, name):
    codec, rate, kind, bit_rate = LOSSY[name]
    path = write(tmp_path / name, codec, tone(4, rate)[None].astype(np.float32), rate, kind=kind, bit_rate=bit_rate)
    whole = waveform(path)
    assert abs(len(whole) - 4 * 16000) < 0.1 * 16000  # encoders may write their delay
    assert np.abs(whole).max() <= 1
    for start, end in ((0.5, 1.25), (2.25, 3.75), (3.0, None)):
        part = waveform(path, start, end)
        first, past = round(start * 16000), len(whole) if end is None else round(end * 16000)
        assert error(part, whole[first:past]) < 2e-3  # to the sample: one sample off would be 0.1


@pytest.mark.parametrize("suffix", ["wav", "flac", "mka"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.1), (0.123, 2.345), (2.00001, 2.5), (3.5, 4.0)])
def test_a_part_begins_and_ends_at_its_sample(tmp_path, suffix, start, end):
    codec = "pcm_s16le" if suffix == "wav" else "flac"
    path = write(tmp_path / f"tone.{suffix}", codec, tone(4, 16000)[None].astype(np.float32), 16000, kind="s16")
    whole, part = waveform(path), waveform(path, start, end)
    assert np.array_equal(part, whole[round(start * 16000) : round(end * 16000)])


def test_channels_are_mixed_to_one(tmp_path):
    left = tone(1, 16000)
    right = 0.2 * np.cos(np.arange(16000) / 7)
    both = np.stack([left, right]).astype(np.float32)
    path = write(tmp_path / "stereo.flac", "flac", both, 16000, kind="s16", layout="stereo")
    assert error(waveform(path), (left + right) / 2, edge=0) < 1e-3
    path = write(tmp_path / "same.flac", "flac", np.stack([2 * left] * 2), 16000, kind="s16", layout="stereo")
    assert error(waveform(path), 2 * left, edge=0) < 1e-3  # full scale on both sides is not beyond it
    path = write(tmp_path / "six.flac", "flac", np.stack([left, *[0 * left] * 5]), 16000, kind="s16", layout="5.1")
    assert error(waveform(path), left / 6, edge=0) < 1e-3


def test_a_videos_own_track(tmp_path):
    path = write(
        tmp_path / "clip.mp4", "aac", tone(2, 16000)[None].astype(np.float32), 16000, bit_rate=96000, video=True
    )
    sound = waveform(path)
    assert abs(len(sound) - 32000) <= 2048
    assert np.corrcoef(sound[4000:28000], tone(2, 16000)[4000:28000])[0, 1] > 0.95


def test_clipping_and_scale(tmp_path):
    loud = 1.5 * np.sin(np.arange(16000) / 5)
    path = write(tmp_path / "loud.wav", "pcm_f32le", loud[None].astype(np.float32), 16000, kind="flt")
    assert error(waveform(path), np.clip(loud, -1, 1), edge=0) < 1e-6
    path = write(tmp_path / "raw.wav", "pcm_f32le", 20000 * loud[None].astype(np.float32), 16000, kind="flt")
    with pytest.raises(BadItem, match=r"samples reach 30000, which is not a scale"):
        waveform(path)
    loud[77] = np.nan
    path = write(tmp_path / "nan.wav", "pcm_f32le", loud[None].astype(np.float32), 16000, kind="flt")
    with pytest.raises(BadItem, match="not finite"):
        waveform(path)


def plain_wav(path, samples, rate=16000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return path


@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_long_recording_is_held_once(tmp_path, rate):
    path = plain_wav(tmp_path / "long.wav", 20000 * tone(60, rate), rate)
    waveform(path, 0.0, 1.0)  # what is imported or kept for good
    tracemalloc.start()
    try:
        samples = waveform(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples.nbytes == 4 * 60 * 16000
    assert peak < 1.5 * samples.nbytes


def test_silent_short_and_empty_sound(tmp_path):
    with pytest.raises(BadItem, match=r"quiet\.wav: is silent"):
        waveform(plain_wav(tmp_path / "quiet.wav", np.tile([0, 3, -3], 6000)))
    faint = waveform(plain_wav(tmp_path / "faint.wav", np.tile([0, 4, -4], 6000)))
    assert len(faint) == 18000
    with pytest.raises(BadItem, match=r"lasts 0\.050 s; at least 0\.1 s"):
        waveform(plain_wav(tmp_path / "short.wav", 9000 * tone(0.05, 16000)))
    assert len(waveform(plain_wav(tmp_path / "enough.wav", 9000 * tone(0.1, 16000)))) == 1600
    with pytest.raises(BadItem, match=r"lasts 0\.050 s"):
        waveform(tmp_path / "faint.wav", 0.5, 0.55)
    with pytest.raises(BadItem, match=r"holds no sound|not a media file"):
        waveform(plain_wav(tmp_path / "none.wav", []))


def test_a_start_or_end_beyond_the_file(tmp_path):
    path = plain_wav(tmp_path / "tone.wav", 9000 * tone(2, 16000))
    with pytest.raises(BadItem, match=r"starts at 2\.00 s, but the file ends at 2\.00 s"):
        waveform(path, 2.0)
    with pytest.raises(BadItem, match=r"starts at 60\.00 s, but the file ends at 2\.00 s"):
        waveform(path, 60.0, 61.0)
    with pytest.raises(BadItem, match=r"ends at 4\.00 s, but the file ends at 2\.00 s"):
        waveform(path, 1.0, 4.0)
    assert len(waveform(path, 1.0, 2.8)) == 16000  # annotated times are rounded
    with pytest.raises(ValueError, match="0 <= start < end"):
        waveform(path, 1.0, 0.5)


def test_files_without_sound_are_named_with_their_reason(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("Once upon a time.\n" * 50)
    (tmp_path / "folder.wav").mkdir()
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    for name, words in {
        "missing.wav": "does not exist",
        "empty.wav": "0 bytes",
        "text.wav": "not a media file",
        "folder.wav": "is a folder",
        "mute.mp4": "no audio stream",
    }.items():
        with pytest.raises(BadItem, match=words) as caught:
            waveform(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_files_that_are_cut_off_or_damaged(tmp_path):
    sound = tone(20, 16000)[None].astype(np.float32)
    for name, codec in (("long.wav", "pcm_s16le"), ("long.flac", "flac"), ("long.mka", "flac")):
        path = write(tmp_path / name, codec, sound, 16000, kind="s16")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BadItem, match=r"is (cut off|damaged)"):
            waveform(path)
        assert len(waveform(path, 1.0, 3.0)) == 32000  # the part before is whole
        if codec == "flac":
            noise = np.random.default_rng(0).bytes(6000)
            path.write_bytes(whole[: len(whole) // 2] + noise + whole[len(whole) // 2 + 6000 :])
            with pytest.raises(BadItem, match=r"is damaged after \d+\.\d\d s"):
                waveform(path)


def test_gaps_between_packets(tmp_path):
    sound = tone(4, 48000)[None].astype(np.float32)
    short = write(tmp_path / "short.mka", "flac", sound, 48000, kind="s16", skip=(1.5, 1.8))
    heard = waveform(short)
    assert len(heard) == 64000  # what comes after the gap stays in its place
    silence = np.flatnonzero(np.convolve(np.abs(heard) > 1e-4, np.ones(160), "valid") == 0)
    assert 1.3 < silence.min() / 16000 < 1.6 < silence.max() / 16000 < 1.9
    assert np.abs(heard[35000:60000] - tone(4, 16000)[35000:60000]).max() < 0.1  # timestamps are whole milliseconds
    long = write(tmp_path / "long.mka", "flac", sound, 48000, kind="s16", skip=(1.5, 2.5))
    heard = waveform(long)
    assert len(heard) == 64000
    assert not heard[26000:38000].any()
    assert error(waveform(long, 0.5, 1.4), tone(0.9, 16000, 0.5)) < 1e-3
    after = waveform(long, 3.0, 4.0)  # its timestamps are whole milliseconds
    assert min(error(after, tone(1, 16000, 3.0 + shift / 16000)) for shift in range(-8, 9)) < 1e-3


def test_timestamps_that_jump_far_ahead(tmp_path):
    path = write(tmp_path / "jump.mka", "flac", tone(2, 16000)[None].astype(np.float32), 16000, kind="s16", jump=3600)
    with pytest.raises(BadItem, match=r"is damaged after 1\.\d\d s \(the next 3600\.\d\d s of its sound are missing\)"):
        waveform(path)


def test_a_rate_that_changes_on_the_way(tmp_path):
    one = write(tmp_path / "one.mp3", "libmp3lame", tone(2, 44100)[None].astype(np.float32), 44100, bit_rate=128000)
    other = write(tmp_path / "other.mp3", "libmp3lame", tone(2, 32000)[None].astype(np.float32), 32000, bit_rate=128000)
    both = tmp_path / "both.mp3"
    both.write_bytes(one.read_bytes() + other.read_bytes())
    with pytest.raises(BadItem, match=r"both\.mp3: its sample rate changes|both\.mp3: is damaged"):
        waveform(both)


def test_tags_after_the_sound_are_no_damage(tmp_path):
    path = write(tmp_path / "song.mp3", "libmp3lame", tone(2, 44100)[None].astype(np.float32), 44100, bit_rate=128000)
    plain = waveform(path)
    with path.open("ab") as file:
        file.write(b"TAG" + b"A title".ljust(125, b"\0"))
        file.write(b"APETAGEX" + b"\xd0\x07\0\0" + b"\0" * 400)
    assert np.array_equal(waveform(path), plain)


def test_several_tracks_give_one(tmp_path):
    path = tmp_path / "two.mka"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=16000, layout="mono") for _ in range(2)]
        for index, stream in enumerate(streams):
            samples = np.round((8000 + 8000 * index) * tone(1, 16000)).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    assert error(waveform(path), tone(1, 16000) * 8000 / 32768) < 1e-3
