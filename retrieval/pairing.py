"""Which clip goes with which recording, where only their labels or names say so."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fmn.item import Item


@dataclass(frozen=True)
class Pairing:
    """`rows`: (row of the clip, row of the recording, label) of every pair; `alone`: the ids that found no partner."""

    rows: list[tuple[int, int, str]]
    alone: list[str]


def pair_up(videos: Sequence[Item], audio: Sequence[Item]) -> Pairing:
    """Bring clips and recordings together, each at most once.

    Within a label (within a pair name, where items have one and no label; that name is the label then) those whose pair
    or file stem is the same and stands once on either side are paired; of the rest the i-th clip goes with the i-th
    recording, in the order of ids.
    """
    sides: list[dict[str, list[int]]] = []
    for items in (videos, audio):
        side = defaultdict(list)
        for row in sorted(range(len(items)), key=lambda row: items[row].id):
            side[items[row].label or items[row].pair].append(row)
        sides.append(side)
    rows: list[tuple[int, int, str]] = []
    for label in sorted(sides[0].keys() & sides[1].keys()):
        left, right = sides[0][label], sides[1][label]
        named = _by_name(videos, left), _by_name(audio, right)
        shared = [name for name in named[0] if name in named[1]]
        pairs = [(named[0][name], named[1][name]) for name in shared]
        taken = {row for row, _ in pairs}, {row for _, row in pairs}
        rest = [row for row in left if row not in taken[0]], [row for row in right if row not in taken[1]]
        pairs += zip(*rest, strict=False)
        rows += [(a, b, label) for a, b in pairs]
    paired = {a for a, _, _ in rows}, {b for _, b, _ in rows}
    alone = [
        items[row].id
        for items, known in zip((videos, audio), paired, strict=True)
        for row in range(len(items))
        if row not in known
    ]
    return Pairing(rows, alone)


def _by_name(items: Sequence[Item], rows: Sequence[int]) -> dict[str, int]:
    names = {row: items[row].pair or PurePosixPath(items[row].id).stem for row in rows}
    count = Counter(names.values())
    return {name: row for row, name in names.items() if count[name] == 1}
