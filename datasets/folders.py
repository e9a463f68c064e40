"""A folder of clips, and perhaps one of recordings -> a manifest to edit."""

import os
from pathlib import Path

from fmn.errors import InputError
from fmn.item import Item
from fmn.media import AUDIO_SUFFIXES, VIDEO_SUFFIXES, label_of, names, stem_of

from .imported import Imported
from .video_folder import media_below


def import_folders(videos: Path, audio: Path | None = None) -> Imported:
    """The layout that fmn-extract reads from folders, written down.

    An id is the path relative to its folder. With class sub-folders, the first one's name is the label, and files
    beside them are left out. In flat folders, files of one stem are a pair, and others have none: nothing is left out,
    since the manifest is there to be edited. Without recordings, fmn-extract uses each clip's own sound track.

    Raises:
        InputError: a folder is missing or holds no media; one side has class folders and the other has not.
    """
    clips, notices = media_below(videos, VIDEO_SUFFIXES)
    sides = [("video", videos, clips)]
    if audio is not None:
        recordings, more = media_below(audio, AUDIO_SUFFIXES)
        sides.append(("audio", audio, recordings))
        notices += more
    nested = {modality: any("/" in file for file in files) for modality, _, files in sides}
    if len(set(nested.values())) > 1:
        raise InputError(
            f"{videos} has {'class folders' if nested['video'] else 'no class folders'} and {audio} has "
            f"{'some' if nested['audio'] else 'none'}. Lay both out alike: class folders of the same names, or flat "
            "folders with files of the same stem."
        )
    stems = [{stem_of(file) for file in files} for _, _, files in sides]
    shared = set.intersection(*stems)
    items = []
    for modality, root, files in sides:
        classes = nested[modality]
        loose = [file for file in files if classes and "/" not in file]
        if loose:
            notices.append(f"{len(loose)} files lie beside the class folders of {root}: {names(loose)} left out.")
        alone = [file for file in files if not classes and stem_of(file) not in shared]
        if alone:
            notices.append(f"{len(alone)} files of {root} have no other file of the same stem: {names(alone)}.")
        items += [
            Item(
                id=file,
                path=os.path.abspath(root / file),
                modality=modality,
                label=label_of(file) if classes else "",
                pair="" if classes or file in alone else stem_of(file),
            )
            for file in files
            if file not in loose
        ]
    return Imported(items, len(items), sum(item.modality == "video" for item in items), [], notices)
