"""MPII Cooking 1: `detectionGroundtruth-1-0.csv` -> items.

Rohrbach et al., "A Database for Fine Grained Activity Detection of Cooking Activities", CVPR 2012.
"""

import csv
from collections import Counter
from pathlib import Path

from fmn.errors import InputError
from fmn.item import Item

from .frame_times import frame_times
from .imported import Imported
from .video_folder import VideoFolder

RATE = 29.4  # frames a second of all its videos
COLUMNS = ("subject", "file name", "start frame", "end frame", "category id", "activity")
SUFFIX = ".avi"


def import_mpii_cooking1(annotations: Path, folder: VideoFolder, allow_missing: bool = False) -> Imported:
    """Its intervals, in the file's order: label = activity, group = subject, no split (people evaluate by leaving
    subjects out). Frames count from 1, the last one included.

    Raises:
        InputError: no such file; with the line: not six values, a number that is none, an interval that ends before it
            starts; no interval at all; not a single video is there (and `allow_missing` is not given).
    """
    items: list[Item] = []
    stems: dict[str, None] = {}
    count: Counter[str] = Counter()
    try:
        with annotations.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for values in reader:
                if any(value.strip() for value in values):
                    item, stem = _item(annotations, reader.line_num, [value.strip() for value in values], folder, count)
                    items.append(item)
                    stems[stem] = None
    except OSError as error:
        raise InputError(f"The annotation file {annotations} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The annotation file {annotations} is not UTF-8 (byte {error.start}).") from None
    except csv.Error as error:
        raise InputError(f"The annotation file {annotations} is not CSV ({error}).") from None
    if not items:
        raise InputError(f"{annotations} holds no interval.")
    wanted = list(stems)
    missing = folder.missing(wanted, annotations, allow_missing)
    gone = set() if allow_missing else {folder.path(stem) for stem in missing}
    kept = [item for item in items if item.path not in gone]
    return Imported(kept, len(items), len(wanted) - len(missing), missing, list(folder.notices))


def _item(path: Path, line: int, values: list[str], folder: VideoFolder, count: Counter[str]) -> tuple[Item, str]:
    if len(values) != len(COLUMNS):
        raise InputError(f"{path}, line {line}: {len(values)} values; it needs {', '.join(COLUMNS)}.")
    subject, stem, first, last, category, activity = values
    if not stem or "/" in stem or not activity:
        raise InputError(f"{path}, line {line}: needs a file name and an activity, not {stem!r} and {activity!r}.")
    for name, value in zip(COLUMNS[2:5], (first, last, category), strict=True):
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise InputError(f"{path}, line {line}: the {name} is a whole number, not {value!r}.")
    person = subject.removeprefix("s")
    if not (person.isascii() and person.isdigit()):
        raise InputError(f"{path}, line {line}: the subject is a number such as 8, not {subject!r}.")
    if not 1 <= int(first) <= int(last):
        raise InputError(f"{path}, line {line}: frames {first} to {last} are no interval; they count from 1.")
    count[stem] += 1
    start, end = frame_times(int(first), int(last), RATE)
    item = Item(
        id=f"{stem}-{count[stem]:03d}",
        modality="video",
        path=folder.path(stem),
        label=activity,
        group=f"s{int(person):02d}",
        start=start,
        end=end,
        extra={"category": category, "start_frame": first, "end_frame": last},
    )
    return item, stem
