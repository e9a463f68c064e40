"""VM-Net's descriptors: what is known of a tone, of noise and of silence between, and the plain statistics."""

import numpy as np
import pytest

from fmn.cache import EncoderRecord
from fmn.errors import InputError
from fmn.extract.encoders.registry import open_encoder
from fmn.extract.media.descriptors import column_names, describe, descriptor_names, descriptors


def tone(hertz, seconds=0.6, level=0.3):
    t = np.arange(int(16000 * seconds)) / 16000
    return level * np.sin(2 * np.pi * hertz * t)


def of(table, name):
    return table[:, descriptor_names().index(name)]


def test_a_tone_is_what_it_is():
    table = descriptors(tone(880))
    assert table.shape == (1 + 9600 // 256, 207) and np.isfinite(table).all()
    middle = table[5:-5]
    assert of(middle, "chroma_0").min() > 0.9  # an A
    assert np.allclose(of(middle, "centroid"), 880 / 8000, atol=0.02)
    assert np.allclose(of(middle, "rolloff"), 880 / 8000, atol=0.01)
    assert np.allclose(of(middle, "loudness"), np.log10(0.3 / np.sqrt(2)), atol=0.01)
    assert np.allclose(of(middle, "zero_crossings"), 2 * 880 / 16000, atol=0.003)
    assert of(middle, "flatness").max() < 0.01


def test_noise_is_flat_and_a_click_is_percussive():
    noise = np.random.default_rng(0).normal(size=9600) * 0.1
    assert of(descriptors(noise), "flatness").mean() > 0.3
    assert of(descriptors(noise), "bandwidth").mean() > 0.2

    def mel(table, kind):
        return sum(of(table, f"{kind}_mel_{k}") for k in range(64))

    click = np.zeros(16000)
    click[8000] = 0.9
    table = descriptors(click)
    assert mel(table, "percussive").max() > 10 * mel(table, "harmonic").max()
    table = descriptors(tone(880, 1.0))
    assert mel(table, "harmonic")[20:40].min() > mel(table, "percussive")[20:40].max()


@pytest.mark.parametrize("seconds", [0.1, 0.7])
def test_the_columns_are_the_plain_statistics_under_their_names(seconds):
    sound = tone(500, seconds) + 0.01 * np.random.default_rng(1).normal(size=int(16000 * seconds))
    found = dict(zip(column_names(), describe(sound), strict=True))
    assert len(found) == 1035
    table = descriptors(sound)
    for column, name in enumerate(descriptor_names()):
        values = sorted(table[:, column].tolist(), reverse=True)
        mean = sum(values) / len(values)
        assert found[f"{name}:mean"] == pytest.approx(mean, abs=1e-4)
        spread = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        assert found[f"{name}:deviation"] == pytest.approx(spread, abs=1e-4)
        assert [found[f"{name}:largest_{k}"] for k in (1, 2, 3)] == pytest.approx(values[:3], abs=1e-4)


def test_the_encoder_makes_rows_and_names_what_is_none(tools, media, tmp_path):
    _, record, _ = tools.settled("audio", "vmnet", tmp_path)
    assert (record.dim, record.warning, record.weights["sha256"]) == (1035, "", {})
    rows = open_encoder(record, tmp_path, "cpu").encode([media.sounds[0], media.bad_sound, media.sounds[1]])
    assert [media.is_bad(row) for row in rows] == [False, True, False]
    assert (rows[0].features != rows[2].features).any() and rows[0].seconds == 0.5


def test_weights_and_records_of_another_making_are_refused(tools, tmp_path):
    with pytest.raises(InputError, match="has no weights"):
        tools.settled("audio", "vmnet", tmp_path, audio_weights="some.pt")
    _, record, _ = tools.settled("audio", "vmnet", tmp_path)
    other = EncoderRecord("audio", "vmnet", record.dim, {**record.preprocessing, "median": 17}, record.weights)
    with pytest.raises(InputError, match="another version"):
        open_encoder(other, tmp_path, "cpu")
