"""The sound of a recording, or of a clip's own track: 16 kHz mono."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from fmn.errors import BadItem

from .channels import Channels, Mix
from .notes import note
from .stream import MediaStream, seconds

RATE = 16000
SHORTEST = 0.1  # seconds
SILENCE = 1e-4  # -80 dBFS
OFFSET = 0.01  # of full scale: a constant offset that is worth a note
LOUDEST = 8.0  # 18 dB beyond full scale: no overshoot any more but another scale
JITTER = 0.05  # seconds by which a timestamp may be off without a meaning
# Each frame of these files bears its number and none is left out: a gap is a loss.
WITHOUT_GAPS = {"flac", "wv", "tta", "ape"}
LONGEST_GAP = 600.0  # seconds of silence that a recorder may have left out; more is a broken timestamp
PRE_ROLL = 1  # seconds decoded before a sought start, so that codecs with a memory have settled
# Containers that count time in samples and seek exactly. Elsewhere (mp3, Matroska with its milliseconds) a sample is
# only found by counting from the beginning, which costs seconds for an hour of sound.
SEEKS_EXACTLY = {"wav", "mov", "mp4"}


def waveform(path: str | Path, start: float | None = None, end: float | None = None, rate: int = RATE) -> np.ndarray:
    """The sound of a file, or of its part from `start` to `end`, its channels averaged to one, and resampled.

    The part is cut to the sample before it is resampled; times count from the file's begin, so that sound which starts
    after the pictures has silence before it. Of several audio streams it is the one that FFmpeg rates best. Where
    nothing was recorded for a while (muted, or silence that is not transmitted) there is silence. Where the channels
    cancel each other (one is the inverse of another) the loudest one is taken instead of their mean. Values beyond full
    scale, which lossy codecs make, are clipped. A constant offset stays. What was done to the channels, gaps and an
    offset are noted (`.notes`).

    Args:
        path: any file with an audio stream that FFmpeg reads (wav, flac, mp3, m4a, ogg ..., or a video).
        start, end: seconds; `end` may lie at most 1 s beyond the end of the file.
        rate: Hz.

    Returns:
        float32 [n] in [-1, 1], n = seconds * rate to the next sample.

    Raises:
        BadItem: missing, empty or no media; no audio stream or no sound in it; damaged, cut off or with a jump in its
            timestamps; start or end beyond the end of the file; shorter than 0.1 s; silent (nothing above -80 dBFS, a
            constant offset aside); not finite or not on a scale of [-1, 1].
        ValueError: times that are no interval.
    """
    mix = Mix()
    samples = _read(path, start, end, rate, mix)
    loudest = mix.cancelled()
    if loudest is not None:
        mix = Mix(loudest)
        samples = _read(path, start, end, rate, mix)
    if len(samples) < SHORTEST * rate:
        raise BadItem(f"{path}: its sound lasts {len(samples) / rate:.3f} s; at least {SHORTEST} s are needed.")
    peak = max(float(samples.max()), -float(samples.min()))  # NaN where there is one
    if not np.isfinite(peak):
        raise BadItem(f"{path}: its sound holds values that are not finite (NaN or infinity).")
    if min(peak, mix.swing) < SILENCE:
        raise BadItem(f"{path}: is silent (nothing in it is above -80 dBFS).")
    if peak > LOUDEST:
        raise BadItem(f"{path}: its samples reach {peak:.5g}, which is not a scale of [-1, 1]; export it again.")
    if mix.told:
        note(mix.told)
    offset = float(samples.mean(dtype=np.float64))
    if abs(offset) > OFFSET:
        note(f"constant offset of {offset:+.2f}")
    return np.asarray(np.clip(samples, -1.0, 1.0, out=samples))


def _read(path: str | Path, start: float | None, end: float | None, rate: int, mix: Mix) -> np.ndarray:
    with MediaStream(path, AudioFrame, start, end) as stream:
        return _resampled(((hertz, mix(block)) for hertz, block in _cut(stream)), rate)


def _blocks(stream: MediaStream[AudioFrame]) -> Iterator[tuple[float | None, int, np.ndarray]]:
    """(time, Hz, samples [channels, n]) from one at or before the start to the end, at the stream's own rate."""
    channels = Channels()
    for time, frame in stream.frames((PRE_ROLL,) if SEEKS_EXACTLY & stream.formats else ()):
        for block in channels.blocks(frame):
            skipped = min(stream.skip, block.shape[1])
            stream.skip -= skipped
            yield None if time is None or stream.joined else float(time), frame.sample_rate, block[:, skipped:]


def _cut(stream: MediaStream[AudioFrame]) -> Iterator[tuple[int, np.ndarray]]:
    """(Hz, samples [channels, n]) from start to end, to the sample, gaps filled with silence."""
    path, begin, stop = stream.path, stream.begin, stream.stop
    hertz = position = 0  # position: index of the next sample, counted from the file's begin
    known = False
    for time, rate, block in _blocks(stream):
        if not known:
            hertz, known = rate, True
            position = round((time or 0.0) * hertz) if (time or 0.0) <= begin else 0
        elif rate != hertz:
            raise BadItem(f"{path}: its sample rate changes from {hertz} Hz to {rate} Hz on the way.")
        gap = 0.0 if time is None else time - position / hertz
        if gap > JITTER and time is not None and time <= begin:
            position = round(time * hertz)
        elif gap > (JITTER if WITHOUT_GAPS & stream.formats else LONGEST_GAP):
            at = seconds(Fraction(position, hertz))
            raise BadItem(f"{path}: is damaged after {at} (the next {gap:.2f} s of its sound are missing).")
        elif gap > JITTER:
            stream.check_losses(Fraction(time or 0.0))
            note("gaps filled with silence")
            block = np.concatenate([np.zeros((len(block), round(gap * hertz)), np.float32), block], axis=1)
        first = max(0, round(begin * hertz) - position)
        past = block.shape[1] if stop is None else min(block.shape[1], round(stop * hertz) - position)
        position += block.shape[1]
        if first < past:
            yield hertz, block[:, first:past]
        if stop is not None and position >= round(stop * hertz):
            return
    if not known:
        raise BadItem(f"{path}: its audio stream holds no sound.")
    stream.check_end(Fraction(position, hertz))


def _resampled(parts: Iterator[tuple[int, np.ndarray]], rate: int) -> np.ndarray:
    kept = bytearray()  # grows in its place: three hours are 700 MB, which a list and its sum would hold twice
    resampler: AudioResampler | None = None
    for hertz, samples in parts:
        if hertz == rate:
            kept += np.ascontiguousarray(samples, np.float32).data
            continue
        resampler = resampler or AudioResampler(format="flt", layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = hertz
        for done in resampler.resample(frame):
            kept += done.to_ndarray()[0].data
    if resampler is not None:
        for done in resampler.resample(None):  # what its filter still holds
            kept += done.to_ndarray()[0].data
    return np.frombuffer(kept, np.float32)
