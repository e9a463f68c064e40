"""A folder of clips and a folder of recordings -> items: which belong together, and what is set aside."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fmn.errors import InputError
from fmn.item import Item
from fmn.media import AUDIO_SUFFIXES, VIDEO_SUFFIXES, Below, files_below, is_url, label_of, names, stem_of
from fmn.stores import store_files

HOW_TO_PAIR = (
    "Clips and recordings are brought together in one of two ways: class sub-folders of the same names on both sides "
    "(videos/open/1.mp4, audio/open/a.wav), or two flat folders with files of the same stem (videos/1.mp4, "
    "audio/1.wav). Anything else goes into a CSV: --manifest FILE with the columns modality, path and label or pair."
)


@dataclass(frozen=True)
class Scan:
    """What was found. `items`: sorted by modality and id. `notices`: sentences for the user. `set_aside`: files of a
    known type that are not used, each named in a notice or counted there. `ignored`: number of other files."""

    items: list[Item]
    notices: list[str]
    set_aside: list[str]
    ignored: int


def scan(videos: Path | str, audio: Path | str | None = None) -> Scan:
    """The items of a folder of clips and, if there is one, a folder of recordings. Nothing is opened.

    An id is the path relative to its folder. Class sub-folders become labels: the first folder's name, to which deeper
    folders belong; two items are relevant to each other when their labels are the same. In flat folders the files of
    one stem are a pair. Without a folder of recordings each clip's own track is its recording, with the clip's path and
    id; it never leaves the clip's side of the split. Symbolic links are followed. Hidden files are passed over.

    Args:
        videos: folder of clips, or its address in a store (`fmn.stores`).
        audio: folder of recordings, likewise.

    Raises:
        InputError: a folder is missing or holds no file of its kind; one has class folders and the other has not; or
            no video has any audio, neither by label nor by stem.
    """
    clips = _walk(videos, "video", VIDEO_SUFFIXES)
    if audio is None:
        return _with_own_tracks(clips)
    recordings = _walk(audio, "audio", AUDIO_SUFFIXES)
    if clips.classes and recordings.classes:
        return _by_label(clips, recordings)
    if clips.classes or recordings.classes:
        classes, flat = (clips, recordings) if clips.classes else (recordings, clips)
        raise InputError(
            f"No audio for any video: {classes.root} has class sub-folders ({names(sorted(classes.classes))}) and "
            f"{flat.root} has none. {HOW_TO_PAIR}"
        )
    return _by_stem(clips, recordings)


@dataclass(frozen=True)
class _Side:
    """One folder: its files as relative posix paths, sorted. With class folders, files beside these are set aside."""

    root: Path | str
    modality: str
    files: list[str]
    classes: frozenset[str]
    notices: list[str]
    set_aside: list[str]
    ignored: int

    def item(self, file: str, *, label: str = "", pair: str = "") -> Item:
        root = str(self.root)
        path = f"{root.rstrip('/')}/{file}" if is_url(root) else os.path.abspath(os.path.join(root, file))
        return Item(id=file, modality=self.modality, path=path, label=label, pair=pair)

    def labelled(self) -> list[Item]:
        return [self.item(file, label=label_of(file)) for file in self.files]


def with_own_tracks(clips: Sequence[Item]) -> list[Item]:
    """The clips, and each one's own sound track as an audio item of the same path, id and pair.

    A clip that has neither pair nor group gets its id as group, so that it and its track stay on one side of the split.
    """
    videos = [clip if clip.pair or clip.group else replace(clip, group=clip.id) for clip in clips]
    return videos + [replace(clip, modality="audio") for clip in videos]


def _with_own_tracks(clips: _Side) -> Scan:
    items = clips.labelled() if clips.classes else [clips.item(file, pair=file) for file in clips.files]
    notice = f"No folder of recordings was given: the own sound tracks of the {len(items)} videos are used."
    return Scan(with_own_tracks(items), [notice, *clips.notices], clips.set_aside, clips.ignored)


def _by_label(clips: _Side, recordings: _Side) -> Scan:
    videos, sounds = clips.labelled(), recordings.labelled()
    ours, theirs = {item.label for item in videos}, {item.label for item in sounds}
    if not ours & theirs:
        raise InputError(
            f"No audio for any video: the class folders of {clips.root} ({names(sorted(ours))}) and of "
            f"{recordings.root} ({names(sorted(theirs))}) have no name in common. {HOW_TO_PAIR}"
        )
    notices = [
        f"{len(alone)} {'label has' if len(alone) == 1 else 'labels have'} no {other}, so nothing there can match: "
        f"{names(sorted(alone))}."
        for alone, other in ((ours - theirs, "audio"), (theirs - ours, "video"))
        if alone
    ]
    return _joined(clips, recordings, videos + sounds, notices, [])


def _by_stem(clips: _Side, recordings: _Side) -> Scan:
    notices: list[str] = []
    set_aside: list[str] = []
    stems: list[dict[str, str]] = []
    for side in (clips, recordings):
        count = Counter(map(stem_of, side.files))
        twice = [file for file in side.files if count[stem_of(file)] > 1]
        if twice:
            notices.append(f"{len(twice)} files of {side.root} share a stem and are set aside: {names(twice)}.")
            set_aside += twice
        stems.append({stem_of(file): file for file in side.files if count[stem_of(file)] == 1})
    shared = sorted(stems[0].keys() & stems[1].keys())
    if not shared:
        raise InputError(
            f"No audio for any video: no file of {clips.root} ({names(clips.files, 3)}) has the stem of a file of "
            f"{recordings.root} ({names(recordings.files, 3)}). {HOW_TO_PAIR}"
        )
    for side, own, other in ((clips, stems[0], "audio"), (recordings, stems[1], "video")):
        alone = [file for stem, file in sorted(own.items()) if stem not in shared]
        if alone:
            notices.append(
                f"{len(alone)} files of {side.root} have no {other} of the same stem and are set aside: {names(alone)}."
            )
            set_aside += alone
    items = [
        side.item(own[stem], pair=stem) for side, own in ((clips, stems[0]), (recordings, stems[1])) for stem in shared
    ]
    return _joined(clips, recordings, items, notices, set_aside)


def _joined(clips: _Side, recordings: _Side, items: list[Item], notices: list[str], set_aside: list[str]) -> Scan:
    return Scan(
        items,
        clips.notices + recordings.notices + notices,
        clips.set_aside + recordings.set_aside + set_aside,
        clips.ignored + recordings.ignored,
    )


def _such_as(below: Below) -> str:
    return f", {names(below.unusual)} among them" if below.unusual else ""


def _below(root: Path | str, modality: str, suffixes: frozenset[str]) -> Below:
    if is_url(str(root)):
        return store_files(str(root), suffixes)
    root = Path(root)
    if not root.exists():
        raise InputError(f"The {modality} folder {root} does not exist.")
    if not root.is_dir():
        raise InputError(f"The {modality} folder {root} is a file, not a folder.")
    return files_below(root, suffixes)


def _walk(root: Path | str, modality: str, suffixes: frozenset[str]) -> _Side:
    below = _below(root, modality, suffixes)
    notices = [f"The folder {folder} cannot be read ({reason}) and is left out." for folder, reason in below.unreadable]
    notices += below.loop_notices()
    notices += [
        f"The file {name} of {root} has bytes in its name that are no text: rename it. It is set aside."
        for name in below.unnamed
    ]
    if below.unusual:
        notices.append(
            f"{len(below.unusual)} files of {root} may be media of a type that is not taken from folders, and are "
            f"passed over: {names(below.unusual)}. List them in a manifest, or convert them."
        )
    nested = [file for file in below.files if "/" in file]
    loose = [file for file in below.files if "/" not in file] if nested else []
    if loose:
        notices.append(f"{len(loose)} files lie beside the class folders of {root} and are set aside: {names(loose)}.")
    if not below.files:
        raise InputError(
            f"The {modality} folder {root} holds no {modality} file ({below.others} other files{_such_as(below)}). "
            f"Known are: {' '.join(sorted(suffixes))}."
        )
    classes = frozenset(file.split("/")[0] for file in nested)
    return _Side(root, modality, nested or below.files, classes, notices, below.unnamed + loose, below.others)
