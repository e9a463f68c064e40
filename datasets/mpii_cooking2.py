"""MPII Cooking 2: the published annotation file -> intervals -> items.

Rohrbach et al., "Recognizing Fine-Grained and Composite Activities Using Hand-Centric Features and Script Data",
International Journal of Computer Vision 119, 2016.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmn.errors import InputError
from fmn.item import Item
from fmn.media import names

from .frame_times import HIGHEST_RATE, frame_times
from .imported import Imported
from .matlab import MatlabFile, matlab_group
from .video_folder import VideoFolder

OBJECTS = ("tool", "ingredients", "containers", "containersSource", "containersDestination")
SUFFIX = ".avi"  # of the published videos
TOLERANCE = 1.0  # seconds that the file's own times may be off from its frame numbers, rounded as they are


@dataclass(frozen=True)
class Interval:
    """One annotated interval. `first` and `last` are frames of the video, counted from 1, both inclusive.

    `verb` is the activity without its trailing V; `objects` maps the file's fields to names with blanks in them
    ("frying pan"). `number` counts the intervals of its video from 1, in the file's order.
    """

    video: str
    number: int
    first: int
    last: int
    rate: float
    subject: int
    dish: int
    verb: str
    objects: Mapping[str, tuple[str, ...]]

    @property
    def sequence(self) -> str:
        """The video's name without its camera, as the published splits name it: s07-d72."""
        return "-".join(self.video.split("-")[:2])

    def item(self, path: str, split: str, triple: tuple[str, str, str] | None = None) -> Item:
        """Its item. The label is the verb, or its (action, subject, receptacle) with blanks between."""
        start, end = frame_times(self.first, self.last, self.rate)
        listed = {name: "; ".join(found) for name, found in self.objects.items()}
        return Item(
            id=f"{self.video}-{self.number:03d}",
            modality="video",
            path=path,
            label=" ".join(triple or (self.verb,)),
            split=split,
            group=f"s{self.subject:02d}",
            start=start,
            end=end,
            # The paper's three words have columns of their own: sentences are made from them.
            extra=dict(zip(("action", "subject", "receptacle"), triple or (), strict=False))
            | {
                "activity": self.verb,
                "dish": str(self.dish),
                "tool": listed["tool"],
                "ingredients": listed["ingredients"],
                "containers": listed["containers"],
                "containers_source": listed["containersSource"],
                "containers_destination": listed["containersDestination"],
                "start_frame": str(self.first),
                "end_frame": str(self.last),
            },
        )


def read_intervals(path: Path) -> tuple[list[Interval], list[str]]:
    """The intervals of `attributesAnnotations_MPII-Cooking-2.mat`, in its order, and sentences on what is odd.

    Frame numbers decide; the file's own seconds are only compared with them, since they do not say which edge of a
    frame they mean.

    Raises:
        InputError: no such file; a key that is missing or has another length than the rest; a text or reference that
            cannot be read; frames that are no interval; a frame rate out of range.
    """
    with matlab_group(path, "annos") as annos:
        videos = annos.texts("fileName")
        first, last = (_whole(annos, name, 1) for name in ("startFrame", "endFrame"))
        subject, dish = (_whole(annos, name, 0) for name in ("subject", "dish"))
        verbs = annos.texts("activity")
        objects = {name: annos.cells(name) for name in OBJECTS}
        rate = annos.numbers("frameRate")
        times = [annos.numbers(name) for name in ("startTimeSeconds", "endTimeSeconds") if name in annos]
    lengths = {
        "startFrame": len(first),
        "endFrame": len(last),
        "subject": len(subject),
        "dish": len(dish),
        "activity": len(verbs),
    } | {name: len(values) for name, values in objects.items()}
    for name, length in lengths.items():
        if length != len(videos):
            raise InputError(f"{path}: {name} has {length} values for {len(videos)} intervals. Is the file whole?")
    if not videos:
        raise InputError(f"{path} holds no interval.")
    if len(rate) != 1 or not 0 < rate[0] <= HIGHEST_RATE:
        raise InputError(f"{path}: frameRate should be one number of frames a second, not {rate[:3]}.")
    found: list[Interval] = []
    count: Counter[str] = Counter()
    for index, video in enumerate(videos):
        verb = _name(verbs[index]).removesuffix("V").strip()
        if not video or "/" in video or not verb:
            raise InputError(f"{path}: interval {index + 1} has no file name or activity ({video!r}, {verb!r}).")
        if last[index] < first[index]:
            raise InputError(
                f"{path}: interval {index + 1} ({video}) ends before it starts: frames {first[index]} to {last[index]}."
            )
        count[video] += 1
        found.append(
            Interval(
                video=video,
                number=count[video],
                first=first[index],
                last=last[index],
                rate=float(rate[0]),
                subject=subject[index],
                dish=dish[index],
                verb=verb,
                objects={name: tuple(map(_name, filter(None, values[index]))) for name, values in objects.items()},
            )
        )
    return found, _odd_times(times, found)


def _whole(annos: MatlabFile, name: str, least: int) -> list[int]:
    values = annos.numbers(name)
    # MATLAB counts frames from 1, and a damaged number may be anything.
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= least) & (values < 1e9) & (values == np.floor(values))))
    if wrong.size:
        raise InputError(
            f"{annos.path}: {name} of interval {wrong[0] + 1} should be a whole number from {least} on, not "
            f"{values[wrong[0]]}."
        )
    return [int(value) for value in values]


def _name(text: str) -> str:
    return " ".join(text.replace("-", " ").split())


def _odd_times(times: Sequence[np.ndarray], found: Sequence[Interval]) -> list[str]:
    if len(times) != 2 or any(len(each) != len(found) for each in times):
        return ["The file's times in seconds are missing or incomplete; the frame numbers are used."]
    starts, ends = ([getattr(each, name) / each.rate for each in found] for name in ("first", "last"))
    good = (np.abs(times[0] - starts) <= TOLERANCE) & (np.abs(times[1] - ends) <= TOLERANCE)
    odd = [f"{found[index].video}-{found[index].number:03d}" for index in np.flatnonzero(~good).tolist()]
    if not odd:
        return []
    return [f"{len(odd)} intervals have times in seconds that are not those of their frames; frames win: {names(odd)}."]


def import_intervals(
    intervals: Sequence[Interval],
    source: Path,
    folder: VideoFolder,
    splits: Mapping[str, str] | None = None,
    triples: Mapping[tuple[str, int], tuple[str, str, str]] | None = None,
    allow_missing: bool = False,
) -> Imported:
    """Intervals -> items, in the order given.

    Args:
        source: the annotation file, for sentences.
        folder: where the videos are.
        splits: sequence (`s07-d72`) -> split; intervals of other sequences are left out. None: no split.
        triples: (video, number) -> (action, subject, receptacle), which become the label and columns of their own;
            other intervals are left out. None: all, each with its verb as label.
        allow_missing: keep intervals whose video is not there.

    Raises:
        InputError: not a single video is there (and `allow_missing` is not given).
    """
    notices = []
    listed = [each for each in intervals if splits is None or each.sequence in splits]
    if len(listed) < len(intervals):
        out = sorted({each.sequence for each in intervals} - {each.sequence for each in listed})
        notices.append(
            f"{len(intervals) - len(listed)} intervals of {len(out)} sequences are in no part of the split and left "
            f"out: {names(out)}."
        )
    wanted = list(dict.fromkeys(each.video for each in listed))
    missing = folder.missing(wanted, source, allow_missing)
    absent = set() if allow_missing else set(missing)
    items = [
        each.item(
            folder.path(each.video),
            splits[each.sequence] if splits is not None else "",
            triples[each.video, each.number] if triples is not None else None,
        )
        for each in listed
        if each.video not in absent and (triples is None or (each.video, each.number) in triples)
    ]
    return Imported(items, len(intervals), len(wanted) - len(missing), missing, [*notices, *folder.notices])
