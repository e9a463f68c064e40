"""Which utterances are made for a set of clips: who says what, how fast, how high, and on which side of the split."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Annotated

from fmn.checked import checked, rule
from fmn.errors import InputError
from fmn.media import VIDEO_SUFFIXES

from .clips import Clip, ClipSet
from .draws import digest, generator, pick
from .names import distinct_names
from .sentences import Subject, sentence
from .sides import sides
from .voices import Speaker, speakers

DRAWING = 1
"""Raised whenever the same arguments give other utterances than before."""

FORMATS = ("wav", "flac")
PACE = 20  # words a minute that an utterance is off its speaker's rate, at most
TONE = 8  # the same for the pitch

Failure = tuple[str, str]
"""(what could not be spoken, why)."""


@checked("A plan")
class PlanSettings:
    """per_label: utterances a label, 2 to 10,000, of which the share `train` in (0, 1) is for training; or
    per_clip: utterances a clip, 1 to 100, 0 = a plan by label. seed: 0 or more. format: of the files.

    InputError when a value is out of range.
    """

    per_label: int = 50
    per_clip: Annotated[int, rule(lambda n: 0 <= n <= 100, "The utterances a clip are 1 to 100, not {value}.")] = 0
    train: Annotated[
        float, rule(lambda part: 0 < part < 1, "The share of the train split lies between 0 and 1, got {value}.")
    ] = 0.7
    seed: Annotated[int, rule(lambda n: n >= 0, "The seed is 0 or more, not {value}.")] = 0
    format: Annotated[
        str, rule(lambda name: name in FORMATS, f"The format is {' or '.join(FORMATS)}, not {{value!r}}.")
    ] = "wav"

    def __post_init__(self) -> None:
        if self.per_clip:
            return
        if not 2 <= self.per_label <= 10_000:
            raise InputError(f"The utterances a label are 2 to 10000 (train and test), not {self.per_label}.")
        if not 0 < _for_training(self.per_label, self.train) < self.per_label:
            raise InputError(
                f"A train share of {self.train} of {self.per_label} utterances leaves one side empty; "
                "give a share nearer to 0.5 or more utterances."
            )


@dataclass(frozen=True)
class Utterance:
    """One recording to make. place: its path in the folder, and its id. rate: words a minute, 125 to 215;
    pitch and pitch_range: 0 to 100. key: names the random numbers of its room."""

    place: str
    label: str
    split: str
    pair: str
    text: str
    voice: str
    rate: int
    pitch: int
    pitch_range: int
    key: tuple[str | int, ...]


@dataclass(frozen=True)
class Plan:
    """clips: those of the set that the new manifest lists, with their pair and split. unspoken: labels and clips of
    which nothing can be said. notices: sentences for the user."""

    settings: PlanSettings
    clips: list[Clip]
    columns: list[str]
    utterances: list[Utterance]
    unspoken: list[Failure]
    notices: list[str]

    def digest(self) -> str:
        """sha256 of all that decides how the utterances sound."""
        return digest(DRAWING, *(value for each in self.utterances for value in map(str, asdict(each).values()))).hex()


def make_plan(found: ClipSet, settings: PlanSettings) -> Plan:
    """Plan the utterances of a set of clips, by label (as the paper: 50 a category) or by clip.

    By label, the split alternates along the index such that of any first n utterances round(n * train) are for
    training; pairs are cleared, as items then belong together by label. By clip, an utterance takes the clip's pair
    (its id where it has none) and its split (one drawn per pair and group where it has none, see `sides`).
    No speaker and no sentence template is on two sides. Each utterance is drawn by (seed, label or clip id, index)
    alone: more labels, clips or utterances change none that was there.

    InputError: nothing in the set has a label or, by clip, a text; see `sides`, too.
    """
    return _by_clip(found, settings) if settings.per_clip else _by_label(found, settings)


def _by_label(found: ClipSet, settings: PlanSettings) -> Plan:
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in found.clips:
        groups[clip.get("label")].append(clip)
    unlabelled = groups.pop("", [])
    if not groups:
        raise InputError(
            f"None of the {len(found.clips)} clips has a label. Give the manifest a column label, or one text and "
            "utterances a clip (--per-clip 1)."
        )
    unspoken = [(clip.id, "has no label and is left out of the new manifest") for clip in unlabelled]
    folders = distinct_names({label: label for label in groups})
    who = speakers(settings.seed)
    utterances = []
    for label, clips in sorted(groups.items()):
        of_part = {part: _subjects(clips, part) for part in ("train", "test")}
        if not all(of_part.values()):
            unspoken.append((f"label {label!r}", "has no word that can be said"))
            continue
        for index in range(settings.per_label):
            before, after = (_for_training(index + k, settings.train) for k in (0, 1))
            part = "train" if after > before else "test"
            place = f"{folders[label]}/{index:03d}.{settings.format}"
            key = (settings.seed, "label", label, index)
            utterances.append(_draw(place, label, part, "", of_part[part], who[part], key))
    paired = sum(bool(clip.get("pair")) for clip in found.clips)
    notices = [f"The pairs of {paired} clips are left out: utterances by label match by label."] if paired else []
    clips = [replace(clip, values={**clip.values, "pair": ""}) for clip in found.clips if clip.get("label")]
    return Plan(settings, clips, found.columns, utterances, unspoken, found.notices + notices)


def _by_clip(found: ClipSet, settings: PlanSettings) -> Plan:
    parts = sides(found.clips, settings.train, settings.seed)
    drawn = sum(not clip.get("split") for clip in found.clips)
    clips = [
        replace(clip, values={**clip.values, "split": part, "pair": clip.get("pair") or clip.id})
        for clip, part in zip(found.clips, parts, strict=True)
    ]
    said = [clip for clip in clips if _subject(clip).can_be_said]
    unspoken = [
        (clip.id, "has no text and no label that can be said") for clip in clips if not _subject(clip).can_be_said
    ]
    if not said:
        raise InputError(
            f"None of the {len(clips)} clips has a text, an action or a label. Give the manifest such a column."
        )
    folders = distinct_names({label: label for label in sorted({clip.get("label") for clip in said} - {""})})
    places = _places(said, folders, settings.per_clip)
    who = speakers(settings.seed)
    utterances = []
    for clip in said:
        part, subject = clip.get("split"), [_subject(clip)]
        for index in range(settings.per_clip):
            place, key = f"{places[clip.id, index]}.{settings.format}", (settings.seed, "clip", clip.id, index)
            utterances.append(_draw(place, clip.get("label"), part, clip.get("pair"), subject, who[part], key))
    columns = [*found.columns, *(name for name in ("split", "pair") if name not in found.columns)]
    notices = [f"{drawn} clips had no split: it was drawn, with {settings.train:g} for training."] if drawn else []
    return Plan(settings, clips, columns, utterances, unspoken, found.notices + notices)


def _places(clips: list[Clip], folders: Mapping[str, str], count: int) -> dict[tuple[str, int], str]:
    """(clip, index) -> path without ending. The first has the clip's own stem: two folders then pair by name."""
    wanted: dict[str, dict[tuple[str, int], str]] = defaultdict(dict)
    for clip in clips:
        stem = clip.id.removeprefix(f"{clip.get('label')}/")
        path = PurePosixPath(stem)
        stem = stem.removesuffix(path.suffix) if path.suffix.lower() in VIDEO_SUFFIXES else stem
        for index in range(count):
            wanted[clip.get("label")][clip.id, index] = f"{stem}-{index + 1}" if index else stem
    return {
        key: f"{folders[label]}/{name}" if label else name
        for label, names in wanted.items()
        for key, name in distinct_names(names).items()
    }


def _draw(
    place: str,
    label: str,
    part: str,
    pair: str,
    subjects: list[Subject],
    who: tuple[Speaker, ...],
    key: tuple[str | int, ...],
) -> Utterance:
    speaker = pick(who, [each.voice for each in who], "who", *key)
    rng = generator("how", *key)
    return Utterance(
        place=place,
        label=label,
        split=part,
        pair=pair,
        text=sentence(subjects, part, *key),
        voice=speaker.voice,
        rate=speaker.rate + int(rng.integers(-PACE, PACE + 1)),
        pitch=speaker.pitch + int(rng.integers(-TONE, TONE + 1)),
        pitch_range=speaker.pitch_range,
        key=("room", *key),
    )


def _subjects(clips: list[Clip], part: str) -> list[Subject]:
    """What can be said of a label in this part: the words of clips that are not on the other side, where there are."""
    same = {_subject(clip) for clip in clips if clip.get("split") in ("", part)}
    if not any(each.text for each in same):
        same |= {replace(_subject(clip), text="") for clip in clips}
    return sorted(each for each in same if each.can_be_said)


def _subject(clip: Clip) -> Subject:
    return Subject(*(clip.get(name) for name in ("label", "text", "action", "subject", "receptacle")))


def _for_training(count: int, train: float) -> int:
    """Of the first `count` utterances: so many. Exact, as the decimal that was typed."""
    return math.floor(Fraction(str(train)) * count + Fraction(1, 2))
