"""Finding media files below a folder. Nothing is opened."""

import os
import unicodedata
from collections import Counter
from pathlib import Path, PurePosixPath

from fmn.errors import InputError


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


VIDEO_SUFFIXES = _suffixes(
    "3g2 3gp asf avi divx f4v flv gif m2ts m2v m4v mkv mov mp4 mpe mpeg mpg mts mxf ogv ts vob webm wmv"
)
AUDIO_SUFFIXES = (VIDEO_SUFFIXES - _suffixes("gif m2v")) | _suffixes(
    "aac ac3 aif aifc aiff amr ape au caf flac m4a m4b mka mp2 mp3 oga ogg opus sph wav weba wma wv"
)
NAMED = 10  # names that a sentence lists before it only counts the rest


def files_below(root: Path, suffixes: frozenset[str] = VIDEO_SUFFIXES) -> tuple[list[str], list[str]]:
    """The media files below a folder as posix paths relative to it, sorted, and sentences on what is left out.

    Hidden files and folders are passed over, links to files and folders followed; a link back to a folder above, and a
    file whose name a manifest cannot hold, are left out and named.

    Raises:
        InputError: no such folder, it cannot be read, or no file of these suffixes is in it.
    """
    if not root.is_dir():
        raise InputError(f"The folder {root} {'is a file' if root.exists() else 'does not exist'}.")
    found: list[str] = []
    notices: list[str] = []
    open_folders: list[tuple[str, tuple[str, ...]]] = [("", (os.path.realpath(root),))]
    while open_folders:
        relative, above = open_folders.pop()
        try:
            entries = sorted(os.scandir(root / relative), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"The folder {root / relative} cannot be read ({error.strerror}).") from None
        for entry in entries:
            name = f"{relative}{entry.name}"
            if entry.name.startswith("."):
                continue
            if os.path.isdir(entry.path):
                real = os.path.realpath(entry.path)
                if real in above:
                    notices.append(f"The link {entry.path} leads back to a folder that it lies in and is left out.")
                else:
                    open_folders.append((f"{name}/", (*above, real)))
            elif PurePosixPath(entry.name).suffix.lower() in suffixes:
                readable = name.encode("utf-8", "backslashreplace").decode()
                if readable != name or name != name.strip():
                    notices.append(f"The file {readable!r} of {root} has a name that no manifest can hold: rename it.")
                else:
                    found.append(name)
    if not found:
        raise InputError(f"The folder {root} holds no media file. Known are: {' '.join(sorted(suffixes))}.")
    return sorted(found), notices


class VideoFolder:
    """The videos below a folder, by stem: `s07-d72-cam-002` finds `2012/s07-d72-cam-002.avi`.

    `notices`: sentences on files that are left out; of several of one stem the first in alphabetical order counts.
    Raises InputError as `files_below` does.
    """

    def __init__(self, root: Path, suffix: str) -> None:
        self.root = root
        files, self.notices = files_below(root)
        self._paths: dict[str, str] = {}
        for file in files:
            kept = self._paths.setdefault(nfc(PurePosixPath(file).stem), file)
            if kept != file:
                self.notices.append(f"{root} has {kept} and {file} of one name: the first is used.")
        usual = Counter(PurePosixPath(file).suffix for file in files).most_common(1)
        self._suffix = usual[0][0] if usual else suffix

    def __contains__(self, stem: str) -> bool:
        return nfc(stem) in self._paths

    def path(self, stem: str) -> str:
        """The absolute path of a video; where it is not there, the path at which it would be looked for."""
        return os.path.abspath(self.root / self._paths.get(nfc(stem), f"{stem}{self._suffix}"))

    def missing(self, wanted: list[str], source: Path, allowed: bool = False) -> list[str]:
        """The wanted stems that are not there, in the order given.

        InputError when not a single one is there, unless that is `allowed`. `source`: what names them.
        """
        found = [stem for stem in wanted if stem not in self]
        if wanted and len(found) == len(wanted) and not allowed:
            raise InputError(
                f"None of the {len(wanted)} videos of {source} is in {self.root}: it names {names(wanted, 3)}, and "
                f"the folder holds {names(sorted(self._paths.values()), 3)}. Videos are found by their stem."
            )
        return found


def nfc(text: str) -> str:
    """The same name from two machines, one of which writes accents as separate characters, as the same text."""
    return unicodedata.normalize("NFC", text)


def names(found: list[str], limit: int = NAMED) -> str:
    """Names for a sentence: the first ones, and how many more."""
    rest = len(found) - limit
    return ", ".join(found[:limit]) + (f" and {rest} more" if rest > 0 else "")
