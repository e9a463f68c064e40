"""What is said of a clip or a category: its text, or a sentence made from its action or its name."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

from fmn.media import nfc

from .draws import pick, share
from .words import ABSENT, PARTICLES, VERBS, gerund, is_gerund, the, where

ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "train": (
        "{base}.",
        "now {base}.",
        "please {base}.",
        "then we {base}.",
        "I am {gerund}.",
        "he is {gerund}.",
        "someone is {gerund}.",
        "start {gerund}.",
    ),
    "val": ("let us {base}.", "I {base} now.", "you are {gerund}.", "the cook is {gerund}."),
    "test": ("you {base}.", "they {base} again.", "next, {base}.", "she is {gerund}.", "we keep {gerund}."),
}
THINGS: Final[dict[str, tuple[str, ...]]] = {
    "train": ("{thing}.", "look, {thing}.", "find {thing}.", "show me {thing}.", "now comes {thing}."),
    "val": ("do you see {thing}.", "once more, {thing}."),
    "test": ("this clip shows {thing}.", "I want to see {thing}.", "here we have {thing}.", "it is called {thing}."),
}
TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "train": ("look: {text}", "in this clip: {text}", "I see this: {text}", "now: {text}"),
    "val": ("watch: {text}", "here: {text}"),
    "test": ("what happens is: {text}", "next: {text}", "you can see: {text}"),
}
"""Sentence templates of each part; no part has one of another. A text is also spoken as it is, in every part."""

AS_IT_IS: Final = 0.5
"""Share of texts that are spoken without a word before them."""


@dataclass(frozen=True, order=True)
class Subject:
    """What is to be said, from a manifest row; "" where it has no such column."""

    label: str = ""
    text: str = ""
    action: str = ""
    subject: str = ""
    receptacle: str = ""

    @property
    def can_be_said(self) -> bool:
        """Is there any word in it?"""
        return bool(_words(self.text) or _words(self.label) or _given(self.action))


def sentence(subjects: Sequence[Subject], part: str, *key: str | int) -> str:
    """Draw a sentence of `part` ("train", "val", "test") about one of `subjects` [n >= 1]; `key` names the draw.

    A text is spoken as it is or after a few words; otherwise templates are filled from action, subject and receptacle,
    or from the label, which is taken for an action if it begins with a verb ("pour milk", "playing_guitar").
    """
    found = [each for each in subjects if _words(each.text)] or [each for each in subjects if each.can_be_said]
    names = ["\0".join(astuple(each)) for each in found]
    about = pick(found, names, "subject", *key)
    if _words(about.text) and share("as it is", *key) < AS_IT_IS:
        return about.text
    templates, fillings = _filled(about, part)
    return pick(templates, templates, "template", *key).format(**fillings)


def _filled(about: Subject, part: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The templates that fit, and what to fill them with."""
    if _words(about.text):
        return TEXTS[part], {"text": about.text}
    base, doing = phrases(about)
    if base:
        return ACTIONS[part], {"base": base, "gerund": doing}
    if doing:
        return tuple(template for template in ACTIONS[part] if "{gerund}" in template), {"gerund": doing}
    return THINGS[part], {"thing": " ".join(_words(about.label))}


def phrases(about: Subject) -> tuple[str, str]:
    """(base, gerund): ("take the spatula out of the jar", "taking ..."). "" where the words tell none."""
    action, subject, receptacle = (_given(each) for each in (about.action, about.subject, about.receptacle))
    if action:
        verb, *particles = action.split()
        rest = _rest(verb, particles, subject, receptacle)
    else:
        words = _words(about.label)
        if not words or not (words[0] in VERBS or is_gerund(words[0])):
            return "", ""
        verb, particles = words[0], []
        while words[len(particles) + 1 :] and words[len(particles) + 1] in PARTICLES:
            particles.append(words[len(particles) + 1])
        thing = " ".join(words[len(particles) + 1 :])
        if is_gerund(verb):  # playing guitar: such names are phrases already
            return "", " ".join(words)
        rest = " ".join([*particles, the(thing)] if thing else particles)
    if is_gerund(verb) and verb not in VERBS:
        return "", f"{verb} {rest}".strip()
    return f"{verb} {rest}".strip(), f"{gerund(verb)} {rest}".strip()


def _rest(verb: str, particles: list[str], subject: str, receptacle: str) -> str:
    if particles == ["out"] and subject and receptacle:
        return f"{the(subject)} out of {the(receptacle)}"
    parts = [*particles]
    if subject:
        parts.append(the(subject))
    if receptacle:
        parts.append(where(verb, receptacle))
    return " ".join(parts)


def _given(value: str) -> str:
    words = " ".join(_words(value))
    return "" if value.strip().lower() in ABSENT else words


def _words(text: str) -> list[str]:
    """take_out-spatula, TakeOutSpatula -> take, out, spatula. Words have a letter or a digit; others make no sound."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", nfc(text))
    words = [
        word
        for word in re.split(r"[\s_\-/\\.,:;|]+", apart)
        if any(each.isalpha() or each.isdecimal() for each in word)
    ]
    return [word if len(word) > 1 and word.isupper() else word.lower() for word in words]
