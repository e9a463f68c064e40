"""Voices: all exist, sound alike twice, and the parts share none."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fmn.demo.sentences import VOICES
from fmn.speech.espeak import speak
from fmn.speech.voices import ACCENTS, FAMILIES, speakers

VARIANTS = [variant for family in FAMILIES for variant in family]


def test_no_variant_stands_twice_and_none_is_one_that_never_sounds_the_same():
    import espeakng_loader

    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    assert len(VARIANTS) == len(set(VARIANTS)) >= 40
    for variant in VARIANTS:
        assert b"breath" not in (folder / variant).read_bytes(), variant
    for voice in VOICES["train"] + VOICES["test"]:
        assert voice.split("+")[1] not in {"f2", "f3", "f5", "whisper"}


def test_every_variant_exists_and_sounds_different():
    sounds = {speak("pour it", f"en-us+{variant}")[0].tobytes() for variant in VARIANTS}
    assert len(sounds) == len(VARIANTS)


def test_every_accent_exists_and_sounds_different():
    assert len({speak("pour the water", f"{accent}+m1")[0].tobytes() for accent in ACCENTS}) == len(ACCENTS) == 8


@pytest.mark.parametrize("voice", ["en-029+klatt4", "en-gb-x-rp+adam", "en-gb-scotland+grandma", "en+anika"])
def test_a_voice_sounds_the_same_twice_whatever_lies_in_memory(voice):
    first, _ = speak("take out the spatula", voice)
    speak("cut the onion", "en-us+iven3", rate=210, pitch=65)
    assert np.array_equal(speak("take out the spatula", voice)[0], first)
    code = (
        "import hashlib; from fmn.speech.espeak import speak; "
        f"print(hashlib.sha256(speak('take out the spatula', {voice!r})[0].tobytes()).hexdigest())"
    )
    environment = {**os.environ, "MALLOC_PERTURB_": "170"}  # glibc fills fresh memory with it
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == hashlib.sha256(first.tobytes()).hexdigest()


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_parts_share_no_variant_and_no_family(seed):
    parts = speakers(seed)
    assert list(parts) == ["train", "val", "test"]
    assert sum(map(len, parts.values())) == len(VARIANTS) and min(map(len, parts.values())) >= 5
    of = {each.voice.split("+")[1]: part for part, found in parts.items() for each in found}
    assert set(of) == set(VARIANTS)
    for family in FAMILIES:
        assert len({of[variant] for variant in family}) == 1
    for each in (each for found in parts.values() for each in found):
        assert 145 <= each.rate <= 195 and 35 <= each.pitch <= 65 and 35 <= each.pitch_range <= 65
        assert each.voice.split("+")[0] in ACCENTS


def test_the_seed_draws_them():
    assert speakers(0) == speakers(0)
    assert {each.voice for each in speakers(0)["test"]} != {each.voice for each in speakers(1)["test"]}
