"""MFCC against the library's own functions, put together here in the plainest way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_speech_features import delta
from python_speech_features import mfcc as library_mfcc

from fmn.errors import BadItem, InputError
from fmn.extract.media.mfcc import mfcc, normalise, slopes, with_slopes


def tone(samples, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 16_000
    return (0.3 * np.sin(2 * np.pi * 440 * time * (1 + time)) + 0.01 * rng.normal(size=samples)).astype(np.float32)


@given(st.integers(1_600, 12_000))
@settings(max_examples=15, deadline=None)
def test_equals_the_library_functions_and_their_delta(samples):
    wave = tone(samples)
    static = library_mfcc(wave.astype(np.float64), 16_000, 0.025, 0.01, 13, 26, 512)
    first = delta(static, 2)
    plain = np.concatenate([static, first, delta(first, 2)], axis=1)
    plain = (plain - plain.mean(axis=0)) / plain.std(axis=0)
    result = mfcc(wave)
    assert result.shape == (1 + math.ceil((samples - 400) / 160), 39)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, plain, atol=1e-4)


@pytest.mark.parametrize("samples", [1_600, 16_000, 16_001, 40_077])
def test_blocks_are_the_whole(samples, monkeypatch):
    wave = tone(samples)
    whole = mfcc(wave)
    static = library_mfcc(wave.astype(np.float64), 16_000, 0.025, 0.01, 13, 26, 512)
    assert np.array_equal(whole, normalise(with_slopes(static)))  # to the last bit, as long as it is one block
    monkeypatch.setattr("fmn.extract.media.mfcc.BLOCK", 7)
    np.testing.assert_allclose(mfcc(wave), whole, rtol=0, atol=1e-5)


def test_does_not_depend_on_loudness():
    wave = tone(8_000)
    np.testing.assert_allclose(mfcc(wave), mfcc(0.25 * wave), atol=1e-3)


def test_slopes_of_a_ramp_are_its_steepness_away_from_the_edges():
    ramp = np.stack([3.0 * np.arange(9), -1.0 * np.arange(9)], axis=1)
    np.testing.assert_allclose(slopes(ramp)[2:-2], np.tile([3.0, -1.0], (5, 1)))


def test_constant_columns_become_zero_and_stay_finite():
    frames = np.stack([np.full(7, 4.0), np.arange(7.0)], axis=1)
    result = normalise(frames)
    np.testing.assert_array_equal(result[:, 0], np.zeros(7))
    np.testing.assert_allclose([result[:, 1].mean(), result[:, 1].std()], [0, 1], atol=1e-6)


def test_digital_silence_is_all_zeros_not_nan():
    np.testing.assert_array_equal(mfcc(np.zeros(1_840, dtype=np.float32)), np.zeros((10, 39)))


@pytest.mark.parametrize("samples", [0, 1, 399, 1_599])
def test_too_short_is_said_with_the_duration(samples):
    with pytest.raises(BadItem, match=rf"lasts {samples / 16_000:.3f} s and at least 0\.1 s"):
        mfcc(np.zeros(samples, dtype=np.float32))


def test_two_channels_are_refused():
    with pytest.raises(InputError, match="one mono waveform"):
        mfcc(np.zeros((2, 8_000), dtype=np.float32))


def test_values_that_are_not_finite_are_refused():
    wave = tone(4_000)
    wave[7] = np.nan
    with pytest.raises(BadItem, match="not finite"):
        mfcc(wave)
