"""What is said and by whom: sentence templates and espeak-ng voices of the two parts, which share neither."""

from typing import Final

from fmn.speech.sentences import ACTIONS

TEMPLATES: Final = {part: ACTIONS[part] for part in ("train", "test")}
"""`{base}` and `{gerund}` are the verb phrases of a category."""

VOICES: Final[dict[str, tuple[str, ...]]] = {
    "train": (
        "en-us+max",
        "en-us+ed",
        "en-us+m1",
        "en-us+grandpa",
        "en-us+m3",
        "en-us+announcer",
        "en-us+Annie",
        "en-us+f4",
        "en-us+john",
        "en-us+michel",
        "en-us+Mike",
        "en-us+adam",
        "en-us+quincy",
        "en-us+steph",
        "en+m2",
        "en+m4",
        "en+paul",
        "en+antonio",
        "en+f1",
        "en+linda",
        "en+Henrique",
        "en+benjamin",
        "en-gb-x-rp+m6",
        "en-gb-x-rp+m7",
        "en-gb-x-rp+Alex",
        "en-gb-x-rp+anika",
        "en-gb-scotland+pedro",
        "en-us-nyc+Gene",
    ),
    "test": (
        "en-us+m5",
        "en-us+Andrea",
        "en-us+robert",
        "en-us+Hugo",
        "en-us+miguel",
        "en-us+Diogo",
        "en+grandma",
        "en+m8",
        "en-gb-x-rp+rob",
        "en-us-nyc+Denis",
    ),
}
"""No voice variant (the part after `+`) of the test part occurs in the train part.

Variants with `breath` (f2, f3, f5, whisper ...) are left out: espeak-ng 1.52 reads memory that it never set for them,
and they never sound twice the same.
"""
