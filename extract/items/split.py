"""The split: 70/30 per label, no group and no pair on both sides, the same in whatever order the items come."""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from fmn.cache.parts import validation_part
from fmn.errors import InputError
from fmn.item import Item
from fmn.ties import tied

SIDES = ("train", "test")
Stratum = tuple[str, str | None]  # (modality, label): each is divided in the same proportion; None: see _whole_labels


@dataclass(frozen=True)
class _Unit:
    """Items that stay together: those of one pair or one group, and whatever these tie together."""

    name: str
    members: tuple[int, ...]
    size: Mapping[Stratum, int]


def assign_splits(
    items: Sequence[Item], train: float = 0.7, seed: int = 0, known: Mapping[tuple[str, str], str] | None = None
) -> list[Item]:
    """Give every item a split, "train" or "test"; those that have one keep it.

    Each label of each modality (or each modality, where there are no labels) is divided by itself: round(train * n) of
    its n items are for training, but at least one and at most n - 1 where n > 1. Items of one `pair` stay together and
    so do those of one `group`, across modalities where the same text stands in both; then the proportions are met as
    well as that allows. A label with a single item in a modality would have nothing to be found on one side: it stays
    together like a pair, and such labels are divided among themselves. Units are placed greedily, large before small
    and otherwise by the sha256 of seed and name, each where the larger part of what it brings is still missing: neither
    the order given nor the machine matters.

    Args:
        items: of both modalities.
        train: share of the train split, in (0, 1).
        seed: chooses among the splits that are as good.
        known: (modality, id) -> split of items that were split before and keep that.

    Returns:
        The items in the order given, all with a split.

    Raises:
        InputError: train outside (0, 1); a pair or group whose items were put on both sides; an item whose own split
            is not its known one; or groups that tie all items together, so that nothing is left to test.
    """
    if not 0 < train < 1:
        raise InputError(f"The share of the train split lies between 0 and 1, got {train}.")
    given = [_given(item, known or {}) for item in items]
    units = _units(items, _whole_labels(items))
    if len(units) == 1 or any(len(_splits(unit, given)) > 1 for unit in units):
        units = _units(items, frozenset())  # keeping labels whole is a wish, the rest is a rule
    sides: dict[str, str] = {}
    free: list[_Unit] = []
    for unit in units:
        splits = _splits(unit, given)
        if len(splits) > 1:
            raise _crossing(items, given, unit)
        if splits:
            sides[unit.name] = splits.pop()
        else:
            free.append(unit)
    if len(units) == 1 and free and any(item.group for item in items):
        raise InputError(
            f"The split keeps each group on one side, but the {len(items)} items are all tied together by the groups "
            f"({', '.join(sorted({item.group for item in items if item.group})[:5])}) and pairs. Give a column "
            "`split`, or leave the column `group` out."
        )
    missing = _missing(units, sides, train)
    targets = {key: max(count, 1) for key, count in missing.items()}

    def need(unit: _Unit, side: str) -> Fraction:  # exact: the order of the terms must not decide
        return sum((Fraction(n * missing[key, side], targets[key, side]) for key, n in unit.size.items()), Fraction(0))

    for unit in sorted(free, key=lambda unit: (-len(unit.members), _draw(seed, unit.name))):
        side = "train" if need(unit, "train") >= need(unit, "test") else "test"
        sides[unit.name] = side
        for key, count in unit.size.items():
            missing[key, side] -= count
    _fill_empty(units, free, sides)
    of_item = {index: sides[unit.name] for unit in units for index in unit.members}
    return [replace(item, split=given[index] or of_item[index]) for index, item in enumerate(items)]


def held_out(items: Sequence[Item], seed: int) -> set[str]:
    """The part of a train split that an encoder is not fitted on, but chosen on: ids of the items of split "val" where
    there are any, else what `validation_part` chooses."""
    return {item.id for item in items if item.split == "val"} or validation_part(
        [item.id for item in items],
        [item.label for item in items],
        [item.group for item in items],
        [item.pair for item in items],
        seed=seed,
    )


def _given(item: Item, known: Mapping[tuple[str, str], str]) -> str:
    before = known.get((item.modality, item.id), "")
    if before and item.split and before != item.split:
        raise InputError(
            f"The {item.modality} item {item.id!r} was extracted as {before} and may not become {item.split} now: "
            "what is fitted on one side must not be tested on. Extract into another cache, or give it its old split."
        )
    return item.split or before


def _whole_labels(items: Sequence[Item]) -> frozenset[str]:
    """Labels that have one item only in a modality."""
    counts = Counter((item.label, item.modality) for item in items if item.label)
    return frozenset(label for (label, _), count in counts.items() if count == 1)


def _units(items: Sequence[Item], whole: frozenset[str]) -> list[_Unit]:
    names = [f"item:{item.modality}:{item.id}" for item in items]
    least = tied([name, *_ties(item, whole)] for name, item in zip(names, items, strict=True))
    members: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        members[least[name]].append(index)
    strata = [(item.modality, None if item.label in whole else item.label) for item in items]
    return [
        _Unit(name, tuple(found), Counter(strata[index] for index in found)) for name, found in sorted(members.items())
    ]


def _ties(item: Item, whole: frozenset[str]) -> list[str]:
    label = item.label if item.label in whole else ""
    return [f"{of}:{name}" for of, name in (("pair", item.pair), ("group", item.group), ("label", label)) if name]


def _splits(unit: _Unit, given: Sequence[str]) -> set[str]:
    return {given[index] for index in unit.members} - {""}


def _missing(units: Sequence[_Unit], sides: Mapping[str, str], train: float) -> dict[tuple[Stratum, str], int]:
    """How many items each side of each stratum still has to get, validation items of the manifest left out."""
    total: Counter[Stratum] = Counter()
    for unit in units:
        if sides.get(unit.name) != "val":
            total.update(unit.size)
    missing: dict[tuple[Stratum, str], int] = {}
    for key, count in total.items():
        for_training = math.floor(train * count + 0.5)
        if count > 1:
            for_training = min(max(for_training, 1), count - 1)
        missing[key, "train"], missing[key, "test"] = for_training, count - for_training
    for unit in units:
        side = sides.get(unit.name)
        if side in SIDES:
            for key, count in unit.size.items():
                missing[key, side] -= count
    return missing


def _fill_empty(units: Sequence[_Unit], free: Sequence[_Unit], sides: dict[str, str]) -> None:
    """Move single units over as long as that leaves fewer labels without a train or without a test item."""
    held = Counter((key, sides[unit.name]) for unit in units for key in unit.size)
    order = sorted(free, key=lambda unit: (len(unit.members), unit.name))
    improved = True
    while improved:
        improved = False
        for unit in order:
            here = sides[unit.name]
            there = SIDES[1 - SIDES.index(here)]
            if sum((held[key, there] == 0) - (held[key, here] == 1) for key in unit.size) > 0:
                sides[unit.name] = there
                held.update((key, there) for key in unit.size)
                held.subtract((key, here) for key in unit.size)
                improved = True


def _crossing(items: Sequence[Item], given: Sequence[str], unit: _Unit) -> InputError:
    first = next(index for index in unit.members if given[index])
    other = next(index for index in unit.members if given[index] not in ("", given[first]))
    ties = sorted({f"group {items[i].group!r}" for i in (first, other) if items[i].group})
    ties += sorted({f"pair {items[i].pair!r}" for i in (first, other) if items[i].pair})
    return InputError(
        f"Pairs and groups stay on one side of the split, but {items[first].modality} {items[first].id!r} is in "
        f"{given[first]} and {items[other].modality} {items[other].id!r} in {given[other]}, tied by {', '.join(ties)}. "
        "Correct the splits, or the pairs and groups."
    )


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(json.dumps([seed, name]).encode()).digest()
