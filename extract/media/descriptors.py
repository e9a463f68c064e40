"""Hand-made descriptors of a sound, summed up over time: the audio side of VM-Net (Hong, Im and Yang, ICMR 2018).

VM-Net takes low-level descriptors frame by frame (harmonic and percussive mel spectra, MFCC with slopes, chroma, shape
of the spectrum) and keeps of each its mean, its spread and its K largest values. Nothing here is learned.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import median_filter

from .mel import magnitudes, overlapping, slaney_bank
from .mfcc import slopes
from .waveform import RATE

N_FFT, HOP, BANDS, CEPSTRA = 1024, 256, 64, 20
MEDIAN = 31  # frames, and bins: the lengths of the two median filters
LARGEST = 3  # K
TINY = 1e-10
PITCH_LOW, PITCH_HIGH = 65.0, 4000.0  # hertz that count for the chroma
SHAPE = ("centroid", "bandwidth", "rolloff", "flatness", "flux", "zero_crossings", "loudness")
STATISTICS = ("mean", "deviation", *(f"largest_{k}" for k in range(1, LARGEST + 1)))

Floats = NDArray[np.float64]


def descriptor_names() -> list[str]:
    """The names of a frame's 207 descriptors."""
    return [
        *(f"harmonic_mel_{k}" for k in range(BANDS)),
        *(f"percussive_mel_{k}" for k in range(BANDS)),
        *(f"mfcc_{k}" for k in range(CEPSTRA)),
        *(f"mfcc_slope_{k}" for k in range(CEPSTRA)),
        *(f"mfcc_slope_of_slope_{k}" for k in range(CEPSTRA)),
        *(f"chroma_{k}" for k in range(12)),
        *SHAPE,
    ]


def column_names() -> list[str]:
    """The names of the 1035 columns of `describe`, such as "mfcc_0:mean": all means, all deviations, and so on."""
    return [f"{name}:{statistic}" for statistic in STATISTICS for name in descriptor_names()]


def describe(sound: NDArray[np.floating]) -> NDArray[np.float32]:
    """[n] samples at 16 kHz, at least 0.1 s -> [1035] float32, the columns of `column_names`."""
    table = descriptors(sound)
    largest = -np.sort(-table, axis=0)[:LARGEST]
    # A sound of fewer frames than K repeats its smallest value.
    largest = np.pad(largest, ((0, LARGEST - len(largest)), (0, 0)), mode="edge")
    return np.concatenate([table.mean(axis=0), table.std(axis=0), *largest]).astype(np.float32)


def descriptors(sound: NDArray[np.floating]) -> Floats:
    """[n] samples at 16 kHz -> [1 + n // 256, 207], frame by frame.

    Mel bands: log10(10000 power + 1), after the spectrum is parted into what lasts (harmonic) and what is broad
    (percussive; Fitzgerald 2010). MFCC: of the whole spectrum, 20, orthonormal. Chroma: the share of each pitch class,
    0 = A. Centroid, bandwidth and rolloff (85 %): of half the rate. Flatness: geometric by arithmetic mean of the
    power. Flux: growth of the magnitudes since the frame before, by their sum. Zero crossings: a sample. Loudness:
    log10 of the root mean square.
    """
    size = magnitudes(sound, N_FFT, HOP, N_FFT, centred=True)
    power = size**2
    lasting = median_filter(size, size=(MEDIAN, 1)) ** 2
    broad = median_filter(size, size=(1, MEDIAN)) ** 2
    share = (lasting + TINY) / (lasting + broad + 2 * TINY)
    bank = slaney_bank(RATE, N_FFT, BANDS)
    cepstra = dct(np.log(power @ bank + TINY), type=2, norm="ortho", axis=1)[:, :CEPSTRA]
    first = slopes(cepstra)
    waves = overlapping(np.pad(sound, N_FFT // 2, mode="reflect"), N_FFT, HOP)
    return np.concatenate(
        [
            _loud(power * share**2, bank),
            _loud(power * (1 - share) ** 2, bank),
            cepstra,
            first,
            slopes(first),
            chroma(power),
            _shape(size, power, waves),
        ],
        axis=1,
    )


def chroma(power: Floats) -> Floats:
    """[T, bins] -> [T, 12], the share of the power between 65 Hz and 4 kHz that falls on each pitch class, 0 = A."""
    hertz = np.linspace(0, RATE / 2, power.shape[1])
    counts = (hertz >= PITCH_LOW) & (hertz <= PITCH_HIGH)
    pitch = np.rint(12 * np.log2(np.where(counts, hertz, 440.0) / 440.0)).astype(int) % 12
    fold = np.eye(12)[pitch] * counts[:, None]
    folded = power @ fold
    return np.asarray(folded / (folded.sum(axis=1, keepdims=True) + TINY))


def _loud(power: Floats, bank: Floats) -> Floats:
    return np.asarray(np.log10(1e4 * (power @ bank) + 1.0))


def _shape(size: Floats, power: Floats, waves: Floats) -> Floats:
    place = np.linspace(0, 1, size.shape[1])
    total = size.sum(axis=1) + TINY
    centroid = size @ place / total
    bandwidth = np.sqrt((size * (place - centroid[:, None]) ** 2).sum(axis=1) / total)
    rising = np.cumsum(size, axis=1)
    rolloff = place[np.argmax(rising >= 0.85 * rising[:, -1:], axis=1)]
    flatness = np.exp(np.log(power + TINY).mean(axis=1)) / (power.mean(axis=1) + TINY)
    flux = np.maximum(0, np.diff(size, axis=0, prepend=size[:1])).sum(axis=1) / total
    crossings = (np.diff(np.signbit(waves), axis=1) != 0).mean(axis=1)
    loudness = np.log10(np.sqrt((waves**2).mean(axis=1)) + TINY)
    return np.stack([centroid, bandwidth, rolloff, flatness, flux, crossings, loudness], axis=1)
