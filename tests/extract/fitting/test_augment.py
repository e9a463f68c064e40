"""Variants of MFCC: each part against a plain loop or a property that must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_speech_features import mfcc as library_mfcc

from fmn.errors import InputError
from fmn.extract.fitting.augment import DEVIATIONS, Augmentation, at_speed, augment, warp_matrix
from fmn.extract.media.mfcc import mfcc, with_slopes

NOTHING = Augmentation(speed=(1, 1), warp=0, noise=0, time_masks=0, band_masks=0)


def frames(length, seed=0):
    rng = np.random.default_rng(seed)
    return mfcc((0.1 * rng.normal(size=400 + 160 * (length - 1))).astype(np.float32))


@given(st.integers(8, 60), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_variant_is_finite_repeatable_and_within_the_speeds(length, seed):
    original = frames(max(length, 9))
    kept = original.copy()
    one = augment(original, Augmentation(), np.random.default_rng(seed))
    same = augment(original, Augmentation(), np.random.default_rng(seed))
    slowest, fastest = Augmentation().speed
    assert one.dtype == np.float32 and one.shape[1] == 39 and np.isfinite(one).all()
    assert round(len(original) / fastest) <= len(one) <= round(len(original) / slowest)
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(original, kept)


def test_augmenting_by_nothing_gives_the_utterance_back():
    original = frames(30)
    np.testing.assert_allclose(augment(original, NOTHING, np.random.default_rng(0)), original, atol=1e-4)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.3])
def test_speed_equals_a_plain_loop(speed):
    original = np.random.default_rng(0).normal(size=(23, 4))
    result = at_speed(original, speed)
    count = round(23 / speed)
    for k in range(count):
        where = 22 * k / (count - 1)
        low = min(int(where), 21)
        expected = original[low] + (where - low) * (original[low + 1] - original[low])
        np.testing.assert_allclose(result[k], expected, atol=1e-9)
    assert len(result) == count


def test_no_warp_is_the_identity():
    np.testing.assert_allclose(warp_matrix(1.0), np.eye(13), atol=1e-9)


def vowel(formants, pitch=110.0, rate=16_000):
    """Harmonics under resonances at the given frequencies: a held vowel."""
    time = np.arange(rate // 4) / rate
    wave = np.zeros_like(time)
    for k in range(1, int(7_000 / pitch)):
        gain = sum(1 / (1 + ((k * pitch - formant) / 120) ** 2) for formant in formants)
        wave += gain * np.cos(2 * np.pi * k * pitch * time + k * k)
    return 0.1 * wave / np.abs(wave).max()


@pytest.mark.parametrize("stretch", [0.88, 1.12])
def test_the_warp_resembles_a_voice_with_moved_formants(stretch):
    """Between two vowels, the cepstral difference after the warp is that of the same vowels in a stretched tract."""

    def cepstra(formants):
        return library_mfcc(vowel(formants), 16_000, numcep=13, nfilt=26, nfft=512).mean(axis=0)

    pairs = [((300, 870, 2240), (660, 1720, 2410)), ((270, 2290, 3010), (730, 1090, 2440))]
    for one, other in pairs:
        before = (cepstra(one) - cepstra(other)) / DEVIATIONS
        after = (cepstra([stretch * f for f in one]) - cepstra([stretch * f for f in other])) / DEVIATIONS
        moved = before @ warp_matrix(stretch)
        assert np.linalg.norm(moved[1:] - after[1:]) < 0.7 * np.linalg.norm(before[1:] - after[1:])


def test_of_a_long_utterance_a_variant_is_an_excerpt():
    original = with_slopes(np.arange(60.0)[:, None] * np.ones(13)).astype(np.float32)
    short = Augmentation(speed=(1, 1), warp=0, noise=0, time_masks=0, band_masks=0, longest=20)
    variants = [augment(original, short, np.random.default_rng(seed)) for seed in range(5)]
    ramp = np.arange(20.0)
    for variant in variants:
        np.testing.assert_allclose(variant[:, 0], (ramp - ramp.mean()) / ramp.std(), atol=1e-5)


def test_masks_blank_a_stretch_of_time_and_a_run_of_cepstra_with_their_slopes():
    original = frames(60)
    only = Augmentation(speed=(1, 1), warp=0, noise=0, time_masks=1, time_mask=0.5, band_masks=0)
    blank = (augment(original, only, np.random.default_rng(2)) == 0).all(axis=1)
    assert 0 < blank.sum() <= 30
    assert np.ptp(np.flatnonzero(blank)) + 1 == blank.sum()
    only = Augmentation(speed=(1, 1), warp=0, noise=0, time_masks=0, band_masks=1, band_mask=5)
    gone = (augment(original, only, np.random.default_rng(3)) == 0).all(axis=0).reshape(3, 13)
    assert 0 < gone[0].sum() <= 5
    assert (gone == gone[0]).all()


@pytest.mark.parametrize(
    "wrong", [{"speed": (1.3, 0.75)}, {"warp": 0.5}, {"noise": -1}, {"time_mask": 1}, {"band_mask": 13}, {"longest": 0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        Augmentation(**wrong)
