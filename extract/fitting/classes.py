"""What a video stream is to tell apart: labels, or pairs where there are none, or single clips."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fmn.item import Item


@dataclass(frozen=True)
class Classes:
    """names: in the order of the head. of: item id -> class. method: "labels", "pairs" or "clips".

    With "clips" every clip is its own class, known by its windows, crops and mirror images (Dosovitskiy et al. 2014).
    """

    names: tuple[str, ...]
    of: dict[str, int]
    method: str


def find_classes(items: Sequence[Item], held: set[str]) -> Classes:
    """The classes of the fitted items (those not `held`); a held item of a class that none of them has is in none."""
    fitted = [item for item in items if item.id not in held]
    labels = {item.label for item in fitted if item.label}
    if len(labels) > 1:
        return _numbered("labels", {item.id: item.label for item in items if item.label}, labels)
    pairs = Counter(item.pair for item in fitted if item.pair)
    if len(pairs) > 1 and max(pairs.values()) > 1:  # several clips of one recording; a pair each says nothing more
        return _numbered("pairs", {item.id: item.pair for item in items if item.pair}, set(pairs))
    return _numbered("clips", {item.id: item.id for item in fitted}, {item.id for item in fitted})


def _numbered(method: str, named: dict[str, str], known: set[str]) -> Classes:
    names = tuple(sorted(known))
    number = {name: index for index, name in enumerate(names)}
    return Classes(names, {item: number[name] for item, name in named.items() if name in number}, method)
