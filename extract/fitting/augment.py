"""Random variants of an utterance's MFCC, so that a fitted audio encoder holds for voices it never heard."""

from functools import lru_cache
from typing import Annotated

import numpy as np
from scipy.fft import dct, idct

from fmn.checked import checked, rule

from ..media.mfcc import DIM, NUM_CEPSTRA, NUM_FILTERS, normalise, with_slopes
from ..media.waveform import RATE

LIFTER = 22  # python_speech_features' default: cepstrum n is scaled by 1 + 11 sin(pi n / 22)
# Deviation of each cepstrum (the first is the log energy) within an utterance, mean over real speech. The frames
# are normalised, so the warp, which mixes cepstra, has to put their proportions back first.
DEVIATIONS = np.array([2.2, 8.7, 10.4, 16.1, 13.1, 11.6, 12.9, 9.9, 10.9, 10.7, 9.3, 8.6, 8.5])


@checked("An augmentation")
class Augmentation:
    """How far a variant may be from its utterance. Zeros (and speed 1 to 1) leave it as it is.

    speed: slowest and fastest, drawn evenly on the logarithm. warp: the spectrum is stretched by up to this part,
    as a shorter or longer vocal tract would (Jaitly and Hinton 2013). noise: deviation of Gaussian noise
    on the normalised cepstra, drawn from 0 to this. time_masks, time_mask: how many stretches are blanked, each up to
    this part of the utterance; band_masks, band_mask: how many runs of cepstra, each up to this many (Park et al. 2019,
    SpecAugment, on cepstra in place of mel bands). longest: frames; of a longer utterance a variant is an excerpt of
    this length, anywhere in it, which bounds the memory and the time of fitting.
    """

    speed: Annotated[
        tuple[float, float],
        rule(
            lambda v: 0.1 <= v[0] <= v[1] <= 10,
            "Speeds are two factors between 0.1 and 10, slowest first, not {value}.",
        ),
    ] = (0.75, 1.3)
    warp: Annotated[float, rule(lambda v: 0 <= v < 0.5, "An augmentation needs warp in [0, 0.5), not {value}.")] = 0.15
    noise: Annotated[float, rule(lambda v: v >= 0, "An augmentation needs noise of at least 0, not {value}.")] = 0.3
    time_masks: int = 2
    time_mask: Annotated[
        float, rule(lambda v: 0 <= v < 1, "An augmentation needs time_mask in [0, 1), not {value}.")
    ] = 0.15
    band_masks: int = 1
    band_mask: Annotated[
        int, rule(lambda v: 0 <= v <= 12, "An augmentation needs band_mask in 0..12, not {value}.")
    ] = 3
    longest: Annotated[
        int, rule(lambda v: v >= 1, "An excerpt has at least 1 frame, not {value}; give longest 1 or more.")
    ] = 1500


def augment(frames: np.ndarray, how: Augmentation, draw: np.random.Generator) -> np.ndarray:
    """One random variant of an utterance: [T, 39] normalised MFCC as mfcc() returns -> [T', 39] float32."""
    begin = int(draw.integers(0, max(0, len(frames) - how.longest) + 1))
    static = frames[begin : begin + how.longest, :NUM_CEPSTRA].astype(np.float64)
    slowest, fastest = np.log(how.speed)
    static = at_speed(static, float(np.exp(draw.uniform(slowest, fastest))))
    if how.warp:
        static = static @ warp_matrix(round(1 + draw.uniform(-how.warp, how.warp), 2))
    if how.noise:
        static = static + draw.normal(size=static.shape) * draw.uniform(0, how.noise)
    variant = normalise(with_slopes(static))
    for _ in range(how.time_masks):
        width = int(draw.uniform(0, how.time_mask) * len(variant))
        start = int(draw.integers(0, len(variant) - width + 1))
        variant[start : start + width] = 0
    for _ in range(how.band_masks):
        width = int(draw.integers(0, how.band_mask + 1))
        start = int(draw.integers(0, NUM_CEPSTRA - width + 1))
        variant.reshape(-1, DIM // NUM_CEPSTRA, NUM_CEPSTRA)[:, :, start : start + width] = 0
    return variant


def at_speed(frames: np.ndarray, speed: float) -> np.ndarray:
    """The time axis resampled linearly: [T, k] -> [about T / speed, k], both ends kept."""
    count = max(1, round(len(frames) / speed))
    at = np.linspace(0, len(frames) - 1, count)
    before = np.minimum(at.astype(int), len(frames) - 1)
    after = np.minimum(before + 1, len(frames) - 1)
    part = (at - before)[:, None]
    return np.asarray(frames[before] * (1 - part) + frames[after] * part)


@lru_cache(maxsize=256)
def warp_matrix(stretch: float) -> np.ndarray:
    """[13, 13] M, so that normalised cepstra @ M are those of a spectrum whose frequencies are multiplied by `stretch`.

    Warping the mel spectrum is linear in the cepstra (Pitz and Ney 2005): spectrum by inverse DCT, read at the
    warped mel positions, back by DCT. The log energy stays as it is.
    """
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    centres = np.arange(1, NUM_FILTERS + 1) * top / (NUM_FILTERS + 1)
    hertz = 700 * (10 ** (centres / 2595) - 1)
    source = 2595 * np.log10(1 + hertz / stretch / 700)
    spectra = idct(np.eye(NUM_CEPSTRA, NUM_FILTERS), axis=1, norm="ortho")
    warped = np.stack([np.interp(source, centres, spectrum) for spectrum in spectra])
    plain = dct(warped, axis=1, norm="ortho")[:, :NUM_CEPSTRA]
    scale = (1 + LIFTER / 2 * np.sin(np.pi * np.arange(NUM_CEPSTRA) / LIFTER)) / DEVIATIONS
    matrix = plain * scale[None, :] / scale[:, None]
    matrix[0], matrix[:, 0] = 0, 0
    matrix[0, 0] = 1
    return np.asarray(matrix)
