"""Filter banks and spectra against their plain formulas."""

import math

import numpy as np
import pytest

from fmn.extract.media.mel import htk_bank, magnitudes, overlapping, slaney_bank


def triangle(x, low, centre, high):
    return max(0.0, min((x - low) / (centre - low), (high - x) / (high - centre)))


def test_the_htk_bank_is_the_plain_rule():
    def mel(f):
        return 1127 * math.log(1 + f / 700)

    low, high = mel(125), mel(7500)
    edges = [low + k * (high - low) / 65 for k in range(66)]
    wanted = [
        [0.0 if k == 0 else triangle(mel(k * 16000 / 512), *edges[band : band + 3]) for band in range(64)]
        for k in range(257)
    ]
    assert np.allclose(htk_bank(16000, 512, 64, 125, 7500), wanted)


def test_the_slaney_bank_is_the_plain_rule():
    def hertz(mel):
        return 200 * mel / 3 if mel < 15 else 1000 * math.exp(math.log(6.4) / 27 * (mel - 15))

    top = 15 + math.log(8) / (math.log(6.4) / 27)
    edges = [hertz(k * top / 97) for k in range(98)]
    assert edges[-1] == pytest.approx(8000)
    wanted = [
        [2 / (edges[b + 2] - edges[b]) * triangle(k * 16000 / 512, *edges[b : b + 3]) for b in range(96)]
        for k in range(257)
    ]
    assert np.allclose(slaney_bank(16000, 512, 96), wanted)


def test_frames_overlap_and_leave_no_half_one():
    assert overlapping(np.arange(10), 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert overlapping(np.arange(9), 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]


@pytest.mark.parametrize("centred", [False, True])
def test_a_tone_stands_in_its_bin(centred):
    tone = np.cos(2 * np.pi * 20 * np.arange(2048) / 512)
    found = magnitudes(tone, 400, 160, 512, centred)
    assert len(found) == (1 + 2048 // 160 if centred else 1 + (2048 - 400) // 160)
    assert (found.argmax(axis=1)[2:-2] == 20).all()
    assert np.allclose(found[4].max(), 100, rtol=0.02)  # half of the window's sum
