"""What is said and by whom: sentence templates and espeak-ng voices of the two parts, which share neither."""

from typing import Final

TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
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
    "test": (
        "you {base}.",
        "they {base} again.",
        "next, {base}.",
        "she is {gerund}.",
        "we keep {gerund}.",
    ),
}
"""`{base}` and `{gerund}` are the verb phrases of a kind."""

VOICES: Final[dict[str, tuple[str, ...]]] = {
    "train": (
        "en-us+m1",
        "en-us+m3",
        "en-us+m7",
        "en-us+f1",
        "en-us+Annie",
        "en-us+f4",
        "en-us+john",
        "en-us+linda",
        "en-us+michel",
        "en-us+adam",
        "en-us+steph",
        "en-us+steph3",
        "en+m2",
        "en+m4",
        "en+aunty",
        "en+paul",
        "en+belinda",
        "en-gb-x-rp+m6",
        "en-gb-x-rp+grandma",
        "en-gb-x-rp+Andy",
        "en-gb-scotland+m1",
        "en-gb-scotland+f4",
        "en-gb-x-gbcwmd+ian",
        "en-us-nyc+max",
    ),
    "test": (
        "en-us+m5",
        "en-us+m8",
        "en-us+Andrea",
        "en-us+edward",
        "en+steph2",
        "en+Lee",
        "en-gb-x-rp+benjamin",
        "en-gb-x-rp+anika",
        "en-gb-scotland+Marco",
        "en-us-nyc+shelby",
    ),
}
"""No voice variant (the part after `+`) of the test part occurs in the train part. Variants with `breath`
(f2, f3, f5, whisper ...) are left out: espeak-ng 1.52 reads memory that it never set for them, so they never sound twice the same."""
