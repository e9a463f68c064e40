"""Any number of channels is mixed to one, packed and planar, and what they say is not lost on the way."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fmn.errors import BadItem
from fmn.extract.media.waveform import waveform

RATE = 16000


def voices(count, seconds=0.6, rate=RATE):
    """[count, n]: each channel a tone of its own."""
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([0.4 * np.sin(2 * np.pi * (150 + 40 * k) * t + k) for k in range(count)]).astype(np.float32)


def write(path, codec, channels, layout=None, rate=RATE):
    layout = layout or f"{len(channels)} channels"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        packed = np.ascontiguousarray(channels.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 8, 9, 12, 16, 17, 32, 63, 64])
@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("wav", "pcm_f32le"), ("caf", "pcm_s16be")])
def test_packed_channels_of_any_number(tmp_path, count, suffix, codec):
    said = voices(count)
    heard = waveform(write(tmp_path / f"many.{suffix}", codec, said))
    assert heard.shape == (9600,)
    assert np.abs(heard - said.mean(axis=0)).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "codec", "layout", "count", "rate"),
    [
        ("8.flac", "flac", "7.1", 8, RATE),
        ("8.alac.m4a", "alac", "7.1(wide)", 8, RATE),
        ("8.m4a", "aac", "7.1", 8, RATE),
        ("16.m4a", "aac", "hexadecagonal", 16, RATE),
        ("8.opus", "libopus", "7.1", 8, 48000),
        ("8.webm", "libopus", "7.1", 8, 48000),
        ("16.wv", "wavpack", "16 channels", 16, RATE),
    ],
)
def test_planar_channels_of_any_number(tmp_path, name, codec, layout, count, rate):
    t = np.arange(round(0.6 * rate)) / rate
    said = np.stack([0.5 * np.sin(2 * np.pi * 300 * t)] * count).astype(np.float32)
    heard = waveform(write(tmp_path / name, codec, said, layout, rate), rate=rate)
    assert abs(len(heard) - len(t)) <= 2048  # lossy encoders fill their last frame
    part = slice(rate // 5, rate // 2)
    spectrum = np.abs(np.fft.rfft(heard[part] * np.hanning(len(heard[part]))))
    assert spectrum.argmax() == round(300 * 0.3)
    if codec in ("flac", "alac", "wavpack"):
        assert np.abs(heard - said[0]).max() < 5e-3
    else:  # an encoder may take one of eight channels for a low-frequency effect, and leaves its high part out
        assert 0.4 * 0.875 < np.abs(heard[part]).max() < 0.6


def test_channels_that_cancel_each_other_are_not_silent(tmp_path):
    said = voices(1)[0]
    path = write(tmp_path / "inverse.wav", "pcm_s16le", np.stack([said, -said]), "stereo")
    assert np.abs(waveform(path) - said).max() < 1e-4
    nearly = write(tmp_path / "nearly.wav", "pcm_s16le", np.stack([-0.95 * said, said]), "stereo")
    assert np.abs(waveform(nearly) - said).max() < 1e-4
    assert np.abs(waveform(nearly, 0.1, 0.4) - said[1600:6400]).max() < 1e-4


def test_only_the_part_that_is_asked_for_decides_whether_channels_cancel(tmp_path):
    said = voices(2, 2.0)
    said[1, RATE:] = -said[0, RATE:]
    path = write(tmp_path / "half.wav", "pcm_s16le", said, "stereo")
    assert np.abs(waveform(path, 1.0, 2.0) - said[0, RATE:]).max() < 1e-4
    assert np.abs(waveform(path) - said.mean(axis=0)).max() < 1e-4


@pytest.mark.parametrize("count", [2, 8, 64])
def test_one_voice_among_silent_channels_is_the_mean_as_ever(tmp_path, count):
    said = np.zeros((count, 9600), np.float32)
    said[-1] = voices(1)[0]
    heard = waveform(write(tmp_path / "one.wav", "pcm_f32le", said))
    assert np.abs(heard - said[-1] / count).max() < 1e-6


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_silence_with_a_constant_offset_is_silent(tmp_path, rate, channels):
    offset = np.full((channels, rate), 0.3, np.float32)
    path = write(tmp_path / "offset.wav", "pcm_s16le", offset, rate=rate)
    with pytest.raises(BadItem, match=r"offset\.wav: is silent"):
        waveform(path)
    offset[:, 3000:9000] += 0.01 * np.sin(np.arange(6000) / 9)
    assert waveform(write(tmp_path / "sound.wav", "pcm_s16le", offset, rate=rate)).size == 16000
