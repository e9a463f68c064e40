"""The room that a sentence is heard in: resampling to 16 kHz, a short reverberation, a little noise, a gain."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from scipy.signal import fftconvolve, resample_poly

RATE = 16_000
"""Sample rate of the finished utterances, in Hz."""

_BLOCK = 4096  # samples a FLAC frame


def in_a_room(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """samples [n] int16 at `rate` Hz -> [m] int16 at 16 kHz, heard in a room that `rng` draws.

    Reverberation of 0.1 to 0.35 s, 18 to 30 dB below the voice; noise 26 to 40 dB below it; peak at 0.25 to 0.8 of full
    scale.
    """
    dry = resample_poly(samples.astype(np.float64) / 32768.0, RATE, rate)
    pause = np.zeros(int(RATE * rng.uniform(0.05, 0.25)))
    dry = np.concatenate([pause, dry, np.zeros(int(RATE * rng.uniform(0.05, 0.25)))])
    level = float(np.sqrt(np.mean(dry**2)))

    seconds = rng.uniform(0.1, 0.35)
    time = np.arange(int(RATE * seconds)) / RATE
    response = rng.standard_normal(len(time)) * np.exp(-6.9 * time / seconds)
    tail = fftconvolve(dry, response)[: len(dry)]
    wet = dry + tail * (level / float(np.sqrt(np.mean(tail**2))) * _gain(-rng.uniform(18.0, 30.0)))

    white = rng.standard_normal(len(wet))
    rumble = np.convolve(white, np.full(8, 1 / 8), mode="same")  # rooms hum more than they hiss
    noise = rumble + 0.2 * rng.standard_normal(len(wet))
    wet = wet + noise * (level / float(np.sqrt(np.mean(noise**2))) * _gain(-rng.uniform(26.0, 40.0)))
    wet *= rng.uniform(0.25, 0.8) / float(np.abs(wet).max())
    return np.asarray(np.round(wet * 32767.0), np.int16)


def write_wav(path: Path, samples: np.ndarray) -> None:
    """samples [n] int16 at 16 kHz -> a mono WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def write_flac(path: Path, samples: np.ndarray) -> None:
    """samples [n] int16 at 16 kHz -> a mono FLAC file, whatever the name ends with."""
    with av.open(str(path), "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        for start in range(0, len(samples), _BLOCK):
            part = np.ascontiguousarray(samples[None, start : start + _BLOCK])
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def seconds(path: Path) -> float:
    """How long a WAV or FLAC file of ours lasts; its header says so."""
    if path.suffix == ".wav":
        with wave.open(str(path), "rb") as file:
            return file.getnframes() / file.getframerate()
    with av.open(str(path)) as container:
        return float((container.duration or 0) / av.time_base)


def _gain(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))
