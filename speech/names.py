"""Labels and ids -> names of folders and files, each its own."""

import re
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

from fmn.media import nfc

from .draws import digest

LONGEST = 120
"""Bytes of a name; file systems take 255, and an ending and a temporary name come to it."""

Key = TypeVar("Key", bound=Hashable)

_UNFIT = re.compile(r'[/\\:*?"<>|]')
_LOOKS_MARKED = re.compile(r"-[0-9a-f]{10}$")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows


def safe_name(text: str) -> str:
    """`text` itself where every file system takes it; otherwise what is left of it, and ten digits of its sha256.

    So names that differ only in characters that are unfit for a file stay apart.
    """
    kept = "".join(" " if _UNFIT.match(each) or not each.isprintable() else each for each in text)
    kept = " ".join(nfc(kept).split()).strip(". ")
    kept = kept.encode()[:LONGEST].decode(errors="ignore").rstrip(". ")
    if kept == text and kept and not _LOOKS_MARKED.search(kept) and not _RESERVED.fullmatch(kept):
        return text
    return marked(kept, text)


def distinct_names(wanted: Mapping[Key, str]) -> dict[Key, str]:
    """Thing -> file name, from what each thing would like to be called.

    Names that differ in nothing, or only in case, are marked: not every file system tells the latter apart.
    """
    names = {key: safe_name(text) for key, text in wanted.items()}
    seen = Counter(name.casefold() for name in names.values())
    return {key: marked(name, repr(key)) if seen[name.casefold()] > 1 else name for key, name in names.items()}


def marked(name: str, text: str) -> str:
    """A name that tells `text` apart from all others: the name and ten digits of the text's sha256."""
    return f"{name or 'unnamed'}-{digest('name', text).hex()[:10]}"
