"""YouCook2: `youcookii_annotations_trainval.json` -> items.

Zhou, Xu and Corso, "Towards Automatic Learning of Procedures from Web Instructional Videos", AAAI 2018.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmn.errors import InputError
from fmn.item import Item

from .imported import Imported
from .video_folder import VideoFolder

SUBSETS = ("training", "validation", "testing")
SUFFIX = ".mp4"


def import_youcook2(
    annotations: Path, folder: VideoFolder, validation_as: str = "test", allow_missing: bool = False
) -> Imported:
    """Its segments, videos in alphabetical order: label = recipe type, text = sentence, pair = id, group = video.

    Args:
        validation_as: "val" or "test": what its validation part becomes. The sentences of its testing part are not
            published; retrieval is reported on the validation part.
        allow_missing: keep segments whose video is not there.

    Raises:
        InputError: no such file; not JSON; a video or segment that lacks something, named; times that are no interval;
            not a single video is there (and `allow_missing` is not given).
    """
    splits = {"training": "train", "validation": validation_as, "testing": "test"}
    items: list[Item] = []
    annotated = 0
    wanted = []
    database = _database(annotations)
    for video in sorted(database):
        entry = database[video]
        where = f"{annotations}: video {video!r}"
        if not isinstance(entry, Mapping) or entry.get("subset") not in SUBSETS:
            raise InputError(f"{where} needs a subset, one of {', '.join(SUBSETS)}.")
        if not video or "/" in video or not isinstance(entry.get("annotations"), list):
            raise InputError(f"{where} needs a name and a list of annotations.")
        wanted.append(video)
        annotated += len(entry["annotations"])
        if video in folder or allow_missing:
            for number, segment in enumerate(entry["annotations"], 1):
                items.append(_item(f"{where}, segment {number}", video, number, entry, segment, folder, splits))
    if not annotated:
        raise InputError(f"{annotations} holds no segment.")
    missing = folder.missing(wanted, annotations, allow_missing)
    return Imported(items, annotated, len(wanted) - len(missing), missing, list(folder.notices))


def _database(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The annotation file {path} cannot be read ({error.strerror}).") from None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"The annotation file {path} is not JSON ({error}).") from None
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict):
        raise InputError(f"{path} has no database of videos: it is not the annotation file that YouCook2 publishes.")
    return database


def _item(
    where: str,
    video: str,
    number: int,
    entry: Mapping[str, Any],
    segment: Any,
    folder: VideoFolder,
    splits: Mapping[str, str],
) -> Item:
    times = segment.get("segment") if isinstance(segment, Mapping) else None
    if not isinstance(times, list) or len(times) != 2 or not all(_is_time(time) for time in times):
        raise InputError(f"{where} needs a segment of two times in seconds, not {times!r}.")
    if times[1] <= times[0]:
        raise InputError(f"{where} ends before it starts: {times[0]} to {times[1]}.")
    sentence = segment.get("sentence", "")
    if not isinstance(sentence, str):
        raise InputError(f"{where} needs a sentence, not {sentence!r}.")
    name = f"{video}-{number:03d}"
    return Item(
        id=name,
        modality="video",
        path=folder.path(video),
        label=str(entry.get("recipe_type") or ""),
        split=splits[entry["subset"]],
        pair=name,
        group=video,
        start=float(times[0]),
        end=float(times[1]),
        text=" ".join(sentence.split()),
        extra={"segment": str(segment.get("id", "")), "subset": entry["subset"]},
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
