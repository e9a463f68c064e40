"""Which clips of a train split are decoded for a bounded fitting, how long one takes, and where they go."""

import functools
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from fmn.errors import InputError
from fmn.item import Item

from ..media.flow_methods import NO_FLOW
from ..media.two_streams import VideoSettings
from .decoded_clips import DecodedClip, decode
from .train_part import TrainPart

SHARE = 0.5  # of the minutes that decoding and preparing may take; the rest is for epochs


class Decoder:
    """Decodes items on the workers into the scratch folder, and knows how long one takes."""

    def __init__(self, part: TrainPart, shown: VideoSettings, scratch: Path) -> None:
        self.part, self.make = part, functools.partial(decode, settings=shown, folder=scratch)
        self.failed: list[tuple[str, str]] = []
        self.seconds_a_clip = 0.0

    def decode(self, items: Sequence[Item]) -> list[DecodedClip]:
        """The readable ones among `items`, in their order."""
        began = time.monotonic()
        done = self.part.run("frames and flow of the train split", self.make, 2, items)
        self.failed += done.failed
        self.seconds_a_clip = (time.monotonic() - began) / max(1, len(items))
        return [done.good[item.id] for item in items if item.id in done.good]


def balanced(items: Sequence[Item], seed: int) -> list[Item]:
    """The items in an order of which every beginning holds about equally many of each label; seeded."""
    of_label = defaultdict(list)
    for item in sorted(items, key=lambda item: _draw(seed, item.id)):
        of_label[item.label].append(item)
    turns = [(turn, label) for label, members in of_label.items() for turn in range(len(members))]
    return [of_label[label][turn] for turn, label in sorted(turns)]


def affordable(count: int, seconds_a_clip: float, minutes: float) -> int:
    """How many of `count` clips can be prepared within their share of the minutes; at least one."""
    return max(1, min(count, int(SHARE * 60 * minutes / max(seconds_a_clip, 1e-9))))


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(json.dumps([seed, name]).encode()).digest()


def check_room(items: int, shown: VideoSettings, free_bytes: int) -> None:
    """Raise InputError where the scratch folder cannot hold one square window of each clip, the least there is."""
    least = items * shown.window * shown.short_side**2 * (3 if shown.flow == NO_FLOW else 5)
    if least > free_bytes:
        raise InputError(
            f"Fitting decodes the clips once into a scratch folder, at least {least / 1e9:.1f} GB for {items} clips, "
            f"and {free_bytes / 1e9:.1f} GB are free there: name a roomier --scratch, or smaller frames."
        )
