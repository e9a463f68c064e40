"""One utterance of a category: who says which sentence, how fast and how high, in which room."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmn.speech.acoustics import in_a_room, write_wav
from fmn.speech.espeak import speak

from .categories import Category
from .sentences import TEMPLATES, VOICES

SHORT = 0.24
"""Share of utterances that say "it" for the subject, so that some categories sound alike."""


@dataclass(frozen=True)
class Utterance:
    """text: the sentence. voice: espeak-ng's name, the item's `group`. rate: words a minute. pitch: 0 to 100."""

    text: str
    voice: str
    rate: int
    pitch: int
    pitch_range: int


def sentence(category: Category, template: str, phrase: str) -> str:
    """What is said: a template of `TEMPLATES` with the category's full or short phrase."""
    return template.format(base=phrase.replace("~", category.verb), gerund=phrase.replace("~", category.gerund))


def make_utterance(category: Category, part: str, rng: np.random.Generator) -> Utterance:
    """Draw who says what; voices and sentence templates are those of `part`."""
    template = str(rng.choice(TEMPLATES[part]))
    phrase = category.short if rng.random() < SHORT else category.full
    return Utterance(
        text=sentence(category, template, phrase),
        voice=str(rng.choice(VOICES[part])),
        rate=int(rng.integers(150, 191)),
        pitch=int(rng.integers(40, 61)),
        pitch_range=int(rng.integers(40, 61)),
    )


def write_utterance(path: Path, utterance: Utterance, rng: np.random.Generator) -> None:
    """Speak it in a room that `rng` draws: 16 kHz mono WAV."""
    samples, rate = speak(utterance.text, utterance.voice, utterance.rate, utterance.pitch, utterance.pitch_range)
    write_wav(path, in_a_room(samples, rate, rng))
