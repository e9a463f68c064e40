"""Speech: the same words sound the same, voices differ, and errors are sentences."""

import builtins
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fmn.demo.sentences import VOICES
from fmn.errors import InputError
from fmn.install import hint
from fmn.speech.espeak import SAMPLE_RATE, speak

SENTENCE = "peel the orange"


def test_samples_are_speech_at_the_stated_rate():
    samples, rate = speak(SENTENCE, "en-us")
    assert rate == SAMPLE_RATE == 22_050
    assert samples.dtype == np.int16 and samples.ndim == 1
    assert 0.4 < len(samples) / rate < 3.0
    assert np.abs(samples.astype(int)).max() > 3000


def test_what_was_spoken_before_changes_nothing():
    first, _ = speak(SENTENCE, "en-us+m1")
    speak("wash the cucumber", "en+f1", rate=200, pitch=80)
    speak("wash the cucumber", "en-us+adam")
    again, _ = speak(SENTENCE, "en-us+m1")
    assert np.array_equal(first, again)


def test_threads_take_turns():
    voices = ["en-us+m1", "en-us+f1", "en+paul", "en-us+max"]
    alone = [speak(SENTENCE, voice)[0] for voice in voices]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda voice: speak(SENTENCE, voice)[0], voices * 3))
    for k, samples in enumerate(together):
        assert np.array_equal(samples, alone[k % 4])


def test_another_process_says_the_same():
    code = (
        "import hashlib; from fmn.speech.espeak import speak; "
        f"print(hashlib.sha256(speak({SENTENCE!r}, 'en-us+m5')[0].tobytes()).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_every_voice_exists_and_sounds_different():
    voices = [voice for part in VOICES.values() for voice in part]
    sounds = {speak(SENTENCE, voice)[0].tobytes() for voice in voices}
    assert len(sounds) == len(voices) == len(set(voices))


def test_rate_and_pitch_are_heard():
    slow, fast = (len(speak(SENTENCE, "en-us", rate=rate)[0]) for rate in (110, 250))
    assert slow > 1.4 * fast
    low, high = (_pitch(speak("aaaah", "en-us+m1", pitch=pitch, pitch_range=0)[0]) for pitch in (30, 90))
    assert 1.5 * low < high < 2.5 * low


def _pitch(samples):
    """Hz: the strongest period between 60 and 400 Hz."""
    wave = samples.astype(float) - samples.mean()
    wave = wave[len(wave) // 4 : len(wave) // 4 + 4096]
    likeness = np.correlate(wave, wave, "full")[len(wave) - 1 :]
    lags = np.arange(SAMPLE_RATE // 400, SAMPLE_RATE // 60)
    return SAMPLE_RATE / lags[np.argmax(likeness[lags])]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text": "  ", "voice": "en-us"}, "empty"),
        ({"text": "salt", "voice": "en-us+nobody-of-that-name"}, "no voice"),
        ({"text": "salt", "voice": "zz-no-language"}, "no voice"),
        ({"text": "salt", "voice": "en-us", "rate": 20}, "rate"),
        ({"text": "salt", "voice": "en-us", "pitch": 101}, "pitch"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        speak(**arguments)


def test_a_missing_package_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "espeakng_loader":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=re.escape(hint("speech"))):
        speak(SENTENCE, "en-us")
