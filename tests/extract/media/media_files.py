"""Sounds and clips that fill their files: every part of one is sound or picture data."""

from fractions import Fraction

import av
import numpy as np


def wobble(seconds, rate):
    """[n] floats: a tone whose pitch moves."""
    t = np.arange(round(seconds * rate))
    return 0.5 * np.sin(t / 15 + np.sin(t / 999))


def sound(path, codec="pcm_s16le", samples=None, rate=44100, layout="mono", **options):
    """A recording of `samples` [n] or [channels, n], 4 s of `wobble` when not given; `options` go to the muxer."""
    samples = np.atleast_2d(wobble(4, rate) if samples is None else samples)
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 96000
        packed = np.ascontiguousarray(samples.T.reshape(1, -1), np.float32)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def pictures(path, codec="libx264", pixels="yuv420p", count=100, **options):
    """A clip of noise at 25 frames a second; `options` go to the muxer."""
    draw = np.random.default_rng(0)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for _ in range(count):
            frame = av.VideoFrame.from_ndarray(draw.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode())
    return path


def film(path, video, audio, count=50, rate=48000, **options):
    """A clip of noise at 25 frames a second with a sound as long; `options` go to the muxer."""
    draw = np.random.default_rng(0)
    voice = wobble(count / 25, rate).astype(np.float32)
    with av.open(str(path), "w", options=options) as container:
        seen, heard = container.add_stream(video, rate=25), container.add_stream(audio, rate=rate, layout="mono")
        seen.width, seen.height, seen.pix_fmt, heard.bit_rate = 64, 48, "yuv420p", 96000
        packets = []
        for place in range(count):
            frame = av.VideoFrame.from_ndarray(draw.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 25)
            packets += seen.encode(frame)
        packets += seen.encode()
        for at in range(0, len(voice), 1024):
            part = av.AudioFrame.from_ndarray(voice[None, at : at + 1024], format="flt", layout="mono")
            part.sample_rate, part.pts, part.time_base = rate, at, Fraction(1, rate)
            packets += heard.encode(part)
        packets += heard.encode()
        for packet in sorted(
            (each for each in packets if each.dts is not None), key=lambda one: one.dts * one.time_base
        ):
            container.mux(packet)
    return path
