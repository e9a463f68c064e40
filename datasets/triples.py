"""The paper's 20 categories: triples (action, subject, receptacle) formed from the intervals of MPII Cooking 2.

The paper's Table 1 prints three lists of words, not which triples were formed. What is done here instead is written
down: the most frequent triples are taken, and the choice stands beside the manifest.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmn.errors import InputError

from .imported import Imported
from .mpii_cooking2 import Interval, import_intervals
from .video_folder import VideoFolder

# The paper's words in its order; where the annotations say it with other words, these.
VERBS = {"strew": "sprinkle", "grind": "grate"}  # the paper: "grind/grate"
ACTIONS = ("pour", "cut", "sprinkle", "squeeze", "stir", "take out", "wash", "grate", "peel")
SUBJECTS = (
    *("apple", "bowl", "radish", "cucumber", "frying pan", "cutting board", "knife", "lemon", "lime", "milk"),
    *("oil", "onion", "orange", "plate", "jar", "pineapple", "salt", "spatula", "spice", "tin"),
)
RECEPTACLES = ("fork", "frying pan", "knife", "spices", "squeezer", "spatula", "plate", "jar")
SUBJECT_FIELDS = ("ingredients", "containers", "tool")
RECEPTACLE_FIELDS = ("containersDestination", "containersSource", "containers", "tool")
CATEGORIES = 20
CLIPS = 50
CATEGORY_COLUMNS = ("label", "action", "subject", "receptacle", "intervals", "clips", "persons")


@dataclass(frozen=True)
class Category:
    """A triple that was chosen. `label`: "pour milk jar". `intervals`: all that form it; `clips`: those that were drawn
    of them, of `persons` different people."""

    action: str
    subject: str
    receptacle: str
    intervals: int
    clips: tuple[Interval, ...]

    @property
    def triple(self) -> tuple[str, str, str]:
        """(action, subject, receptacle)."""
        return self.action, self.subject, self.receptacle

    @property
    def label(self) -> str:
        """The words with blanks between them."""
        return " ".join(self.triple)

    @property
    def persons(self) -> int:
        """How many people are in its clips."""
        return len({clip.subject for clip in self.clips})


def triple(interval: Interval) -> tuple[str, str, str] | None:
    """An interval's (action, subject, receptacle), None where one of the three is missing.

    The fields are gone through in their order (see `SUBJECT_FIELDS`, `RECEPTACLE_FIELDS`) and the words of Table 1 in
    theirs; the first hit counts. A word names an object when it is the object's name or the end of it, so that a chefs
    knife is a knife. Nothing is subject and receptacle at once.
    """
    verb = VERBS.get(interval.verb, interval.verb)
    action = "cut" if verb.startswith("cut ") else verb
    if action not in ACTIONS:
        return None
    subject = _first(SUBJECTS, interval, SUBJECT_FIELDS)
    receptacle = _first((word for word in RECEPTACLES if word != subject), interval, RECEPTACLE_FIELDS)
    return (action, subject, receptacle) if subject and receptacle else None


def choose_categories(
    intervals: Sequence[Interval], seed: int = 0, categories: int = CATEGORIES, clips: int = CLIPS
) -> list[Category]:
    """The most frequent triples that have at least `clips` intervals, at most `categories`, most frequent first.

    Of each, `clips` intervals are drawn: one of each person in turn, so that many people are in it. The draw depends
    on the seed, the triple and its intervals only.
    """
    of_triple: dict[tuple[str, str, str], list[Interval]] = defaultdict(list)
    for interval in intervals:
        found = triple(interval)
        if found is not None:
            of_triple[found].append(interval)
    order = sorted(of_triple, key=lambda each: (-len(of_triple[each]), each))
    chosen = [each for each in order if len(of_triple[each]) >= clips][:categories]
    return [Category(*each, len(of_triple[each]), _draw(of_triple[each], clips, f"{seed} {each}")) for each in chosen]


def import_categories(
    intervals: Sequence[Interval],
    source: Path,
    folder: VideoFolder,
    splits: Mapping[str, str] | None = None,
    seed: int = 0,
    allow_missing: bool = False,
) -> tuple[Imported, list[Category], str]:
    """The paper's protocol on the intervals whose video is there (arguments as for `import_intervals`).

    Returns:
        What goes into the manifest, the categories, and a sentence on the intervals that form none.

    Raises:
        InputError: no triple has enough intervals, or not a single video is there.
    """
    usable = [
        each
        for each in intervals
        if (allow_missing or each.video in folder) and (splits is None or each.sequence in splits)
    ]
    categories = choose_categories(usable, seed)
    drawn = {(clip.video, clip.number): each.triple for each in categories for clip in each.clips}
    found = import_intervals(intervals, source, folder, splits, drawn, allow_missing)
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(unformed(usable).items()))
    formed = f"Of {len(usable)} intervals {why or 'none'} form no triple of the paper's words."
    if not categories:
        raise InputError(f"No triple of action, subject and receptacle has {CLIPS} intervals. {formed}")
    return found, categories, formed


def category_rows(categories: Iterable[Category]) -> list[dict[str, object]]:
    """The table of the chosen categories, `CATEGORY_COLUMNS`."""
    return [
        {name: getattr(each, name) for name in CATEGORY_COLUMNS} | {"clips": len(each.clips)} for each in categories
    ]


def unformed(intervals: Sequence[Interval]) -> Counter[str]:
    """Why intervals form no triple: how many have another action, and how many lack a subject or a receptacle."""
    why: Counter[str] = Counter()
    for interval in intervals:
        if triple(interval) is None:
            verb = VERBS.get(interval.verb, interval.verb)
            known = verb in ACTIONS or verb.startswith("cut ")
            why["without a subject or receptacle of the list" if known else "of another action"] += 1
    return why


def _draw(found: Sequence[Interval], clips: int, seed: str) -> tuple[Interval, ...]:
    draw = random.Random(seed)
    of_subject: dict[int, list[Interval]] = defaultdict(list)
    for interval in sorted(found, key=lambda each: (each.video, each.number)):
        of_subject[interval.subject].append(interval)
    for own in of_subject.values():
        draw.shuffle(own)
    people = list(of_subject.values())
    draw.shuffle(people)
    rounds = [own[turn] for turn in range(max(map(len, people))) for own in people if turn < len(own)]
    return tuple(sorted(rounds[:clips], key=lambda each: (each.video, each.number)))


def _first(words: Iterable[str], interval: Interval, fields: Sequence[str]) -> str:
    listed = tuple(words)
    for field in fields:
        for word in listed:
            if any(_is(word, name) for name in interval.objects[field]):
                return word
    return ""


def _is(word: str, name: str) -> bool:
    singular = word.removesuffix("s") if word == "spices" else word
    return any(name == each or name.endswith(f" {each}") for each in (word, singular))
