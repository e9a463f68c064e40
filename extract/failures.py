"""Items that could not be extracted: what kind of trouble each is, and what to do about it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from fmn.cache.index import Failure

COLUMNS = ("kind", "modality", "id", "path", "label", "split", "reason", "advice")
AGAIN = "What was mended is tried again, and nothing else, when the same fmn-extract is typed."


class Kind(NamedTuple):
    """A kind of trouble in a few words, and what to do about it in a sentence or two."""

    name: str
    advice: str


class Trouble(NamedTuple):
    """A failed item; `reason` is without the path that it begins with."""

    failure: Failure
    reason: str
    kind: Kind


_KINDS = (
    (
        r"gave no sign of life",
        Kind(
            "no end in sight",
            "The file goes on for ever, or its disk hangs. Cut it into parts; if it is only slow, give more seconds as "
            "--item-stall.",
        ),
    ),
    (
        r"took more than .* GiB of memory",
        Kind("too much memory", "Make its frames smaller or cut it into parts; or give more GiB as --item-memory."),
    ),
    (
        r"process that read it was lost",
        Kind(
            "crashed the decoder",
            "Convert the file with another program, such as ffmpeg -i FILE NEW.mp4 (sound: NEW.wav), or leave it out.",
        ),
    ),
    (
        r"worker process died|run was ended before",
        Kind("lost with its worker", "The file may be sound. Try again, with fewer --workers if it happens again."),
    ),
    (r"^unexpected \w+", Kind("a defect of fmn", "Please report it, with the file if that may be shown.")),
    (
        r"cannot be fetched|are fetched\.|the disk of|its store",
        Kind(
            "not fetched",
            "Look at the address, what the store lets you read, and the room for temporary files; then try again.",
        ),
    ),
    (r"does not exist", Kind("not there", "Put the file where the manifest names it, or take its row out.")),
    (
        r"cannot be read \(|Permission denied",
        Kind("may not be read", "Let this user read the file; an error of input or output means a failing disk."),
    ),
    (
        r"coding that FFmpeg does not know",
        Kind("unknown coding", "Convert it where it plays: clips to H.264 in mp4, recordings to wav or flac."),
    ),
    (
        r"has no \w+ stream|holds no (frame|sound)",
        Kind(
            "no such stream",
            "A clip needs pictures and a recording sound. For a clip without sound give a recording of its own.",
        ),
    ),
    (
        r"is a folder|is empty|is a text file|is a list of other files|is not a media file",
        Kind("no media file", "Get the file again from where it came from, or leave it out."),
    ),
    (r"is cut off", Kind("cut off", "Its end is missing: download or copy it again.")),
    (
        r"the item (starts|ends) at",
        Kind("times beyond the file", "Correct start and end in the manifest, or check that it is the right file."),
    ),
    (
        r"is damaged|cannot be deinterlaced|timestamps jump|(size|rate) changes from",
        Kind(
            "damaged",
            "Copy it again. If what it still plays is enough for you, save that anew, such as ffmpeg -i FILE NEW.mp4.",
        ),
    ),
    (r"is silent", Kind("silent", "Nothing was recorded: record it again, or leave it out.")),
    (r"at least [\d.]+ s are needed", Kind("too short", "Give a longer recording, or leave it out.")),
    (
        r"not finite|not a scale",
        Kind("no sound level", "Its samples are no sound that can be played: export it again, such as 16-bit wav."),
    ),
    (r"goes on for more than", Kind("too long", "Cut it into parts, with start and end in a manifest for instance.")),
)
OTHER = Kind("other", "Mend the file as the reason says, or leave it out.")


def kind_of(reason: str) -> Kind:
    """The kind of a failure by its reason."""
    return next((kind for pattern, kind in _KINDS if re.search(pattern, reason)), OTHER)


def troubles(failures: Sequence[Failure]) -> dict[Kind, list[Trouble]]:
    """Failed items by their kind, the commonest kind first; in a kind by modality and id."""
    found: dict[Kind, list[Trouble]] = {}
    for failure in sorted(failures, key=lambda each: (each.modality, each.id)):
        reason = failure.reason.removeprefix(f"{' '.join(failure.path.split())}: ")  # as the index keeps it
        kind = kind_of(reason)
        found.setdefault(kind, []).append(Trouble(failure, reason, kind))
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0].name)))


def as_rows(found: dict[Kind, list[Trouble]]) -> list[dict[str, str]]:
    """A row of `COLUMNS` an item."""
    return [
        {
            "kind": kind.name,
            **{name: getattr(each.failure, name) for name in ("modality", "id", "path", "label", "split")},
            "reason": each.reason,
            "advice": kind.advice,
        }
        for kind, several in found.items()
        for each in several
    ]
