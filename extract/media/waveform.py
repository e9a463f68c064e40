"""The sound of a recording, or of a clip's own track: 16 kHz mono."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from fmn.errors import BadItem

from .stream import MediaStream, seconds

RATE = 16000
SHORTEST = 0.1  # seconds
SILENCE = 1e-4  # -80 dBFS
LOUDEST = 8.0  # 18 dB beyond full scale: no overshoot any more but another scale
JITTER = 0.05  # seconds by which a timestamp may be off without a meaning
LONGEST_GAP = 0.5  # seconds of silence that a recorder may have left out; more is damage
PRE_ROLL = 1  # seconds decoded before a sought start, so that codecs with a memory have settled
# Containers that count time in samples and seek exactly. Elsewhere (mp3, Matroska with its milliseconds) a sample is
# only found by counting from the beginning, which costs seconds for an hour of sound.
SEEKS_EXACTLY = {"wav", "mov", "mp4"}


def waveform(path: str | Path, start: float | None = None, end: float | None = None, rate: int = RATE) -> np.ndarray:
    """The sound of a file, or of its part from `start` to `end`, its channels averaged to one, and resampled.

    The part is cut to the sample before it is resampled; times count from the stream's first sample. Of several audio
    streams it is the one that FFmpeg rates best. Gaps of up to 0.5 s between packets (some recorders leave silence out)
    become silence. Values beyond full scale, which lossy codecs make, are clipped.

    Args:
        path: any file with an audio stream that FFmpeg reads (wav, flac, mp3, m4a, ogg ..., or a video).
        start, end: seconds; `end` may lie at most 1 s beyond the end of the file.
        rate: Hz.

    Returns:
        float32 [n] in [-1, 1], n = seconds * rate to the next sample.

    Raises:
        BadItem: missing, empty or no media; no audio stream or no sound in it; damaged, cut off or with a longer gap;
            start or end beyond the end of the file; shorter than 0.1 s; silent (nothing above -80 dBFS); not finite
            or not on a scale of [-1, 1].
        ValueError: times that are no interval.
    """
    with MediaStream(path, AudioFrame, start, end) as stream:
        samples = _resampled(_cut(stream), rate)
    if len(samples) < SHORTEST * rate:
        raise BadItem(f"{path}: its sound lasts {len(samples) / rate:.3f} s; at least {SHORTEST} s are needed.")
    peak = float(np.abs(samples).max())
    if not np.isfinite(samples).all():
        raise BadItem(f"{path}: its sound holds values that are not finite (NaN or infinity).")
    if peak < SILENCE:
        raise BadItem(f"{path}: is silent (nothing in it is above -80 dBFS).")
    if peak > LOUDEST:
        raise BadItem(f"{path}: its samples reach {peak:.5g}, which is not a scale of [-1, 1]; export it again.")
    return np.asarray(np.clip(samples, -1.0, 1.0))


def _mono(stream: MediaStream[AudioFrame]) -> Iterator[tuple[float | None, int, np.ndarray]]:
    """(time, Hz, samples [n]) from one at or before the start to the end, mixed down, at the stream's own rate."""
    shape: tuple[str, str, int] = ("", "", 0)
    floats = AudioResampler()
    for time, frame in stream.frames((PRE_ROLL,) if SEEKS_EXACTLY & stream.formats else ()):
        if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            floats = AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate)
        for part in floats.resample(frame):
            # FFmpeg's own mix to mono adds the channels up and may go beyond full scale.
            mono = part.to_ndarray().mean(axis=0, dtype=np.float32)
            yield None if time is None else float(time), frame.sample_rate, mono


def _cut(stream: MediaStream[AudioFrame]) -> Iterator[tuple[int, np.ndarray]]:
    """(Hz, samples [n]) from start to end, to the sample, gaps filled with silence."""
    path, begin, stop = stream.path, stream.begin, stream.stop
    hertz = position = 0  # position: index of the next sample, counted from the stream's first
    known = False
    for time, rate, samples in _mono(stream):
        if not known:
            hertz, known = rate, True
            position = round((time or 0.0) * hertz)
        elif rate != hertz:
            raise BadItem(f"{path}: its sample rate changes from {hertz} Hz to {rate} Hz on the way.")
        gap = 0.0 if time is None else time - position / hertz
        if gap > JITTER and time is not None and time <= begin:
            position = round(time * hertz)
        elif gap > LONGEST_GAP:
            at = seconds(Fraction(position, hertz))
            raise BadItem(f"{path}: is damaged after {at} (the next {gap:.2f} s of its sound are missing).")
        elif gap > JITTER:
            samples = np.concatenate([np.zeros(round(gap * hertz), np.float32), samples])
        first = max(0, round(begin * hertz) - position)
        past = len(samples) if stop is None else min(len(samples), round(stop * hertz) - position)
        position += len(samples)
        if first < past:
            yield hertz, samples[first:past]
        if stop is not None and position >= round(stop * hertz):
            return
    if not known:
        raise BadItem(f"{path}: its audio stream holds no sound.")
    stream.check_end(Fraction(position, hertz))


def _resampled(parts: Iterator[tuple[int, np.ndarray]], rate: int) -> np.ndarray:
    chunks: list[np.ndarray] = []
    resampler: AudioResampler | None = None
    for hertz, samples in parts:
        if hertz == rate:
            chunks.append(samples)
            continue
        resampler = resampler or AudioResampler(format="flt", layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = hertz
        chunks += [done.to_ndarray()[0] for done in resampler.resample(frame)]
    if resampler is not None:
        chunks += [done.to_ndarray()[0] for done in resampler.resample(None)]  # what its filter still holds
    return np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
