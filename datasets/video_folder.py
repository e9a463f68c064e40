"""The videos of a dataset, found by their names. Nothing is opened."""

import os
from collections import Counter
from pathlib import Path, PurePosixPath

from fmn.errors import InputError
from fmn.media import VIDEO_SUFFIXES, files_below, names, nfc


def media_below(root: Path, suffixes: frozenset[str] = VIDEO_SUFFIXES) -> tuple[list[str], list[str]]:
    """The media files below a folder as posix paths relative to it, sorted, and sentences on what is left out: links
    back to a folder above, and files whose name a manifest cannot hold.

    Raises:
        InputError: no such folder, it cannot be read, or no file of these suffixes is in it.
    """
    if not root.is_dir():
        raise InputError(f"The folder {root} {'is a file' if root.exists() else 'does not exist'}.")
    below = files_below(root, suffixes)
    for folder, reason in below.unreadable:
        raise InputError(f"The folder {folder} cannot be read ({reason}).")
    found = [file for file in below.files if file == file.strip()]
    notices = below.loop_notices()
    for name in (*below.unnamed, *(file for file in below.files if file != file.strip())):
        notices.append(f"The file {name!r} of {root} has a name that no manifest can hold: rename it.")
    if not found:
        raise InputError(f"The folder {root} holds no media file. Known are: {' '.join(sorted(suffixes))}.")
    return found, notices


class VideoFolder:
    """The videos below a folder, by stem: `s07-d72-cam-002` finds `2012/s07-d72-cam-002.avi`.

    `notices`: sentences on files that are left out; of several of one stem the first in alphabetical order counts.
    Raises InputError as `media_below` does.
    """

    def __init__(self, root: Path, suffix: str) -> None:
        self.root = root
        files, self.notices = media_below(root)
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
