"""The validation part: which items of the train split are held out to choose settings on."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence

from fmn.errors import InputError
from fmn.ties import tied


def validation_part(
    ids: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    pairs: Sequence[str],
    fraction: float = 0.2,
    seed: int = 0,
) -> set[str]:
    """Return the ids of the validation part: about `fraction` of each label's items (all four sequences have length n).

    Items that share a pair stay together, and where there is more than one group so do those that share a group (unless
    that ties everything together: then only pairs count). Pass both modalities in one call where items are paired, each
    modality by itself where they are not. The choice follows the sha256 of the seed and the group, pair or id, so
    neither the order given nor the machine matters. A label is never held out by more than half; one that cannot be
    divided stays in training. Two or more independent items always give a part that is neither empty nor everything.

    Raises ValueError for sequences of different lengths and InputError for a fraction outside 0 to 1.
    """
    if not len(ids) == len(labels) == len(groups) == len(pairs):
        raise ValueError(
            f"Lengths differ: {len(ids)} ids, {len(labels)} labels, {len(groups)} groups, {len(pairs)} pairs."
        )
    if not 0 < fraction < 1:
        raise InputError(f"The validation fraction must lie between 0 and 1, not {fraction}: 0.2 is usual.")
    units = _units(ids, groups, pairs)
    order = sorted(units, key=lambda name: hashlib.sha256(json.dumps([seed, name]).encode()).digest())
    sizes = {name: Counter(labels[index] for index in members) for name, members in units.items()}
    of_label = defaultdict(list)
    for name in order:
        for label in sizes[name]:
            of_label[label].append(name)
    totals = Counter(labels)
    held: Counter[str] = Counter()
    chosen: set[str] = set()
    for label in sorted(totals):
        target = max(1, round(fraction * totals[label]))
        for name in of_label[label]:
            if held[label] >= target:
                break
            size = sizes[name]
            if name not in chosen and all(2 * (held[each] + size[each]) <= totals[each] for each in size):
                chosen.add(name)
                held += size
    if not chosen and len(units) > 1:
        chosen = {min(order, key=lambda name: len(units[name]))}
    return {ids[index] for name in chosen for index in units[name]}


def _units(ids: Sequence[str], groups: Sequence[str], pairs: Sequence[str]) -> dict[str, list[int]]:
    """Return the smallest sets of items (indices) that must stay on one side, each under a name of its own."""
    by_pair = [f"pair:{pair}" if pair else f"id:{key}" for key, pair in zip(ids, pairs, strict=True)]
    if len({group for group in groups if group}) > 1:
        grouped = _joined(
            [[key, f"group:{group}"] if group else [key] for key, group in zip(by_pair, groups, strict=True)]
        )
        if len(grouped) > 1:
            return grouped
    return _joined([[key] for key in by_pair])


def _joined(keys: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Join the items that share a key, directly or through others; a set is named by its smallest key."""
    smallest = tied(keys)
    sets = defaultdict(list)
    for index, (first, *_) in enumerate(keys):
        sets[smallest[first]].append(index)
    return dict(sets)
