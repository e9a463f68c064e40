"""Media files by name: their suffixes, what lies below a folder, and which belong together. Nothing is opened."""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


VIDEO_SUFFIXES = _suffixes(
    "3g2 3gp 3gpp amv asf avi divx dv f4v flv gif ismv ivf m1v m2p m2t m2ts m2v m4v mk3d mkv mov mp4 mp4v mpe mpeg mpg "
    "mpv mts mxf nsv nut ogv qt rm rmvb tod trp ts vob webm wmv wtv xvid y4m"
)
# A recording may come in a container that also holds video.
AUDIO_SUFFIXES = (VIDEO_SUFFIXES - _suffixes("gif m1v m2v mpv y4m")) | _suffixes(
    "3ga aac ac3 adts aif aifc aiff amr ape au awb bwf caf dts eac3 ec3 f4a flac gsm m4a m4b m4r mka mp1 mp2 mp3 mpa "
    "mpc mpga oga ogg ogx opus ra rf64 shn snd spx sph tak tta voc w64 wav weba wma wv xwma"
)
# FFmpeg reads files of these, too, but they are raw streams, seldom, or often something else: they are not taken, and a
# scan names them.
UNUSUAL_SUFFIXES = _suffixes(
    "264 265 aa aax ac4 act adx apng avs2 bik brstm dav dff drc dsf dss dtshd evo fli flc h261 h263 h264 h265 hevc ivr "
    "mjpeg mjpg mlp mod mve obu oma omg pcm pva qcp roq rso smk sol sox thd truehd usm vc1 vqf webp xa xmv"
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
NAMED = 10  # names that a sentence lists before it only counts the rest


@dataclass(frozen=True)
class Below:
    """What lies below a folder. `files`: posix paths relative to it, sorted. `others`: number of files of other
    suffixes. `unnamed`: files whose names are no text, readably. `loops`: links back to a folder above. `unreadable`:
    folders that cannot be read, and why. `unusual`: those of the others that may be media, as `files`."""

    files: list[str] = field(default_factory=list)
    others: int = 0
    unnamed: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    unusual: list[str] = field(default_factory=list)

    def loop_notices(self) -> list[str]:
        """A sentence for each link that is left out."""
        return [f"The link {link} leads back to a folder that it lies in and is left out." for link in self.loops]


def files_below(root: Path, suffixes: frozenset[str]) -> Below:
    """The files of these suffixes below a folder. Hidden files and folders are passed over, links followed."""
    found = Below()
    others = 0
    # Depth first with the real path of every folder above: a link to one of those would never end.
    open_folders: list[tuple[str, tuple[str, ...]]] = [("", (os.path.realpath(root),))]
    while open_folders:
        relative, above = open_folders.pop()
        folder = root / relative
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.unreadable.append((str(folder), error.strerror or str(error)))
            continue
        for entry in entries:
            name = f"{relative}{entry.name}"
            if entry.name.startswith("."):
                continue
            if os.path.isdir(entry.path):
                real = os.path.realpath(entry.path)
                if real in above:
                    found.loops.append(entry.path)
                else:
                    open_folders.append((f"{name}/", (*above, real)))
                continue
            readable = name.encode("utf-8", "backslashreplace").decode()
            suffix = PurePosixPath(entry.name).suffix.lower()
            if suffix not in suffixes:
                others += 1
                if suffix in UNUSUAL_SUFFIXES:
                    found.unusual.append(readable)
            elif readable != name:
                found.unnamed.append(readable)
            else:
                found.files.append(name)
    unusual = sorted(found.unusual)
    return Below(sorted(found.files), others, found.unnamed, found.loops, found.unreadable, unusual)


def is_url(path: str) -> bool:
    """Whether a path is the address of a file in a store (`fmn.stores`), "s3://bucket/clip.mp4", and none of here."""
    return _URL.match(path) is not None


def label_of(file: str) -> str:
    """The label of a file in class sub-folders: the first folder's name, to which deeper folders belong."""
    return nfc(PurePosixPath(file).parts[0])


def stem_of(file: str) -> str:
    """What files of one pair share in flat folders: the path without its suffix."""
    return nfc(str(PurePosixPath(file).with_suffix("")))


def nfc(text: str) -> str:
    """The same name from two machines, one of which writes accents as separate characters, as the same text."""
    return unicodedata.normalize("NFC", text)


def names(found: Sequence[str], limit: int = NAMED) -> str:
    """Names for a sentence: the first ones, and how many more."""
    rest = len(found) - limit
    return ", ".join(found[:limit]) + (f" and {rest} more" if rest > 0 else "")
