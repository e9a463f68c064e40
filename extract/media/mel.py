"""Short-time spectra and mel filter banks, as the published audio networks were fed with them."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def overlapping(sound: NDArray[np.floating], length: int, hop: int) -> Floats:
    """[n] samples -> [T, length] overlapping frames, T = 1 + (n - length) // hop; n must be at least `length`."""
    cut = np.lib.stride_tricks.sliding_window_view(np.asarray(sound, np.float64), length)
    return cut[::hop]


def periodic_hann(length: int) -> Floats:
    """The Hann window whose next sample would be the first again, as transforms over frames want it."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length))


def magnitudes(sound: NDArray[np.floating], window: int, hop: int, n_fft: int, centred: bool = False) -> Floats:
    """[n] samples -> [T, n_fft // 2 + 1] magnitudes of Hann-windowed frames, filled with zeros to n_fft.

    `centred`: frame t is centred at sample t * hop; half a frame is reflected at both ends.
    """
    if centred:
        sound = np.pad(sound, window // 2, mode="reflect" if len(sound) > window // 2 else "symmetric")
    return np.asarray(np.abs(np.fft.rfft(overlapping(sound, window, hop) * periodic_hann(window), n_fft)))


def hertz_to_htk_mel(hertz: NDArray[np.floating] | float) -> Floats:
    """1127 ln(1 + f / 700), the HTK Book's mel scale."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hertz) / 700.0))


def htk_bank(rate: int, n_fft: int, bands: int, low: float, high: float) -> Floats:
    """[n_fft // 2 + 1, bands] triangles that are straight in mel, with peak 1; the constant part counts nowhere."""
    bins = hertz_to_htk_mel(np.linspace(0, rate / 2, n_fft // 2 + 1))
    bank = _triangles(np.linspace(hertz_to_htk_mel(low), hertz_to_htk_mel(high), bands + 2), bins)
    bank[0] = 0.0
    return bank


def slaney_bank(rate: int, n_fft: int, bands: int) -> Floats:
    """[n_fft // 2 + 1, bands] triangles that are straight in hertz, each of area 1, up to half the rate.

    Slaney's mel scale (Auditory Toolbox, 1998), which librosa takes: linear to 1 kHz (15 mel), then logarithmic.
    """
    step = np.log(6.4) / 27  # of one mel above 1 kHz
    top = 15 + np.log(rate / 2 / 1000) / step if rate > 2000 else rate / 2 * 3 / 200
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    return _triangles(edges, np.linspace(0, rate / 2, n_fft // 2 + 1)) * (2 / (edges[2:] - edges[:-2]))


def _triangles(edges: Floats, bins: Floats) -> Floats:
    """[len(bins), len(edges) - 2]: band k rises from edge k to edge k + 1 and falls to edge k + 2."""
    rise = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)))
