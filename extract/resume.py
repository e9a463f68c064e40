"""A second extraction into a cache: what is there already, and whether the new set is a continuation of it."""

import filecmp
from collections.abc import Mapping, Sequence
from pathlib import Path

from fmn.cache import CacheWriter, FeatureCache
from fmn.errors import InputError
from fmn.item import Item

from .encoders.settings import ExtractSettings
from .items.manifest import known_splits
from .items.split import assign_splits

FIXED = ("label", "pair", "group", "start", "end")  # what the shards say of an item for good


def held_items(cache: Path) -> dict[tuple[str, str], Item]:
    """(modality, id) -> item of every feature that the cache holds."""
    features = FeatureCache(cache)
    return {
        (record.modality, item.id): item
        for record in features.encoders()
        for item in features.items(record.modality, record.name)
    }


def check_continuation(cache: Path, items: Sequence[Item], held: Mapping[tuple[str, str], Item]) -> None:
    """Raise InputError where an item is another one than the cache's item of the same id.

    A moved or copied file is the same item; another file under the same relative path, or another label, pair, group or
    interval, is not: its features would be taken for what they are not.
    """
    for item in items:
        before = held.get((item.modality, item.id))
        if before is None:
            continue
        for name in FIXED:
            old, new = getattr(before, name), getattr(item, name)
            if old != new:
                raise InputError(
                    f"The cache {cache} holds the {item.modality} item {item.id!r} with {name} {old!r}; now it is "
                    f"{new!r}. Extract the changed set into another --cache."
                )
        if before.path != item.path and _other_file(Path(before.path), Path(item.path)):
            raise InputError(
                f"The cache {cache} holds the {item.modality} item {item.id!r} made from {before.path}, and "
                f"{item.path} is another file of that id. Extract this set into another --cache."
            )


def begun(cache: Path) -> bool:
    """Whether an earlier extraction got as far as an encoder, which may have been fitted on its train split."""
    return bool(FeatureCache(cache).encoders())


def check_seed(writer: CacheWriter, settings: ExtractSettings, held: Mapping[tuple[str, str], Item]) -> None:
    """Raise InputError where the cache was split and held out by another seed: both stages rely on it."""
    before = writer.protocol().get("seed", settings.seed)
    if (held or begun(writer.path)) and before != settings.seed:
        raise InputError(
            f"The cache {writer.path} was begun with --seed {before}, which decides its split and its validation part; "
            f"got {settings.seed}. Use the same seed, or name another --cache."
        )


def split_beside(
    cache: Path, items: Sequence[Item], settings: ExtractSettings, held: Mapping[tuple[str, str], Item]
) -> list[Item]:
    """Split `items` so that nothing in the cache changes sides and no group or pair of it crosses.

    Items that the cache holds and the set no longer names take part with their split, then are left out again.
    """
    here = {(item.modality, item.id) for item in items}
    absent = [item for key, item in held.items() if key not in here]
    known = known_splits(cache) if begun(cache) else {}
    known = {**known, **{key: item.split for key, item in held.items()}}
    return assign_splits([*items, *absent], settings.train, settings.seed, known)[: len(items)]


def _other_file(before: Path, now: Path) -> bool:
    """Whether both files are there and differ; a file that is gone was moved."""
    try:
        return not (before.samefile(now) or filecmp.cmp(before, now, shallow=False))
    except OSError:
        return False
