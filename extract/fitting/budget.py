"""Which clips a bounded fitting can afford: as many of each label as of any other."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence

from fmn.item import Item

SHARE = 0.5  # of the minutes that decoding and preparing may take; the rest is for epochs


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
