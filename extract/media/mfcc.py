"""Waveform -> MFCC frames with their slopes, normalised per utterance."""

import numpy as np
from python_speech_features import mfcc as cepstra

from fmn.errors import BadItem, InputError

from .waveform import RATE, SHORTEST

WINDOW_SECONDS = 0.025
STEP_SECONDS = 0.010
NUM_CEPSTRA = 13
NUM_FILTERS = 26
NFFT = 512  # the power of two that holds one window of 400 samples
EMPHASIS = 0.97  # the library's own
BLOCK = 12_000  # windows, two minutes
DIM = 3 * NUM_CEPSTRA
CONSTANT = 1e-6  # a column whose deviation is below this says nothing, and becomes zero

# What the features depend on, for the provenance of a cache.
SETTINGS: dict[str, float | str] = {
    "rate": RATE,
    "window_seconds": WINDOW_SECONDS,
    "step_seconds": STEP_SECONDS,
    "cepstra": NUM_CEPSTRA,
    "filters": NUM_FILTERS,
    "nfft": NFFT,
    "slopes": "delta and delta-delta over 2 frames each side",
    "normalised": "mean and variance of the utterance",
}


def mfcc(waveform: np.ndarray) -> np.ndarray:
    """MFCC of one utterance.

    waveform: [n] floats in [-1, 1], mono, 16 kHz, at least 0.1 s.
    Returns [T, 39] float32, T = 1 + ceil((n - 400) / 160): 13 MFCC (the first is the log energy), their slopes and the
    slopes of those, each column with mean 0 and deviation 1 over the utterance (a constant column is 0).
    The last window is filled with zeros, as in HTK and python_speech_features.
    Raises InputError for another shape, BadItem for a waveform that is too short or not finite.
    Source: Davis and Mermelstein 1980; slopes as in the HTK Book, section 5.9.
    """
    if waveform.ndim != 1:
        raise InputError(f"MFCC need one mono waveform [n], not an array of shape {waveform.shape}; mix it down first.")
    if len(waveform) < SHORTEST * RATE:
        raise BadItem(
            f"The sound lasts {len(waveform) / RATE:.3f} s and at least {SHORTEST} s are needed; "
            "give a longer recording or leave it out."
        )
    if not np.isfinite(waveform).all():
        raise BadItem("The waveform holds values that are not finite (NaN or infinity); decode or export it again.")
    return normalise(with_slopes(_cepstra(waveform)))


def _cepstra(waveform: np.ndarray) -> np.ndarray:
    """The 13 columns of every window [T, 13], block by block: the library holds 15 kB a window, 2 GB of 20 min."""
    window, step = round(WINDOW_SECONDS * RATE), round(STEP_SECONDS * RATE)
    count = 1 + max(0, -(-(len(waveform) - window) // step))
    blocks = [
        cepstra(
            _emphasised(waveform, first * step, (min(first + BLOCK, count) - 1) * step + window),
            samplerate=RATE,
            winlen=WINDOW_SECONDS,
            winstep=STEP_SECONDS,
            numcep=NUM_CEPSTRA,
            nfilt=NUM_FILTERS,
            nfft=NFFT,
            preemph=0,  # done before: a block's first sample has one before it
        )
        for first in range(0, count, BLOCK)
    ]
    return np.concatenate(blocks)


def _emphasised(waveform: np.ndarray, first: int, end: int) -> np.ndarray:
    """float64 [end - first], fewer at the waveform's end: each sample less a share of the one before it."""
    part = waveform[max(0, first - 1) : end].astype(np.float64)
    changed = part[1:] - EMPHASIS * part[:-1]
    return changed if first else np.append(part[:1], changed)


def slopes(frames: np.ndarray) -> np.ndarray:
    """Regression slope of each column over two frames each side, the edges repeated: [T, k] -> [T, k].

    Same as python_speech_features.delta(frames, 2), without its loop over frames.
    """
    padded = np.pad(frames, ((2, 2), (0, 0)), mode="edge")
    return np.asarray((padded[3:-1] - padded[1:-3] + 2 * (padded[4:] - padded[:-4])) / 10)


def with_slopes(static: np.ndarray) -> np.ndarray:
    """[T, k] -> [T, 3k]: the columns, their slopes, and the slopes of those."""
    first = slopes(static)
    return np.concatenate([static, first, slopes(first)], axis=1)


def normalise(frames: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 of each column over the utterance: [T, k] -> [T, k] float32. Constant columns become 0."""
    deviation = frames.std(axis=0)
    safe = np.where(deviation < CONSTANT, np.inf, deviation)
    mean = frames.mean(axis=0)
    scaled = np.empty(frames.shape, np.float32)
    for first in range(0, len(frames), BLOCK):  # one of all would be as large as the frames, in float64, twice
        part = slice(first, first + BLOCK)
        scaled[part] = (frames[part] - mean) / safe
    return scaled
