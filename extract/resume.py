"""A second extraction into a cache: what is there already, and whether the new set is a continuation of it."""

import filecmp
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache
from fmn.errors import InputError
from fmn.item import Item
from fmn.media import is_url
from fmn.progress import Watcher
from fmn.stores import stated_in_folders

from .encoders.settings import ExtractSettings
from .fetched import SHA256
from .items.manifest import known_splits
from .items.scan import Scan
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
        if before.path != item.path and _other_file(before, item):
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


def check_features(writer: CacheWriter, modality: str, name: str, asked: Mapping[str, Any]) -> None:
    """Raise InputError where an encoder's features were asked for otherwise, so that new ones cannot be comparable.

    Only other weights files may turn out to be the same ones; those are settled, and their checksums decide.
    """
    held, done = writer.record(modality, name), writer.done(modality, name)
    before = held.notes.get("asked", {}) if held else {}
    if held is None or not done or before == asked:
        return
    differing = sorted(key for key in {*before, *asked} if before.get(key) != asked.get(key))
    made_here = str(asked["weights"]) == "fitted" or str(asked["weights"]).startswith("random")
    if made_here or set(differing) - {"weights", "found"}:
        told = "; ".join(f"{key} {before.get(key)!r} / {asked.get(key)!r}" for key in differing)
        raise InputError(
            f"The cache {writer.path} holds {len(done)} {modality} features of encoder {name} that were made "
            f"differently (there / now): {told}. Features of one encoder name must be comparable: use the same "
            "settings, or name another --cache."
        )


def describe(writer: CacheWriter, found: Scan, settings: ExtractSettings, goes_on: bool, watcher: Watcher) -> None:
    """Write the protocol's facts; those of a cache that holds items stay, as its items keep their sides."""
    train = writer.protocol().get("train", settings.train) if goes_on else settings.train
    if train != settings.train:
        watcher.say(f"The items of the cache keep their split of --train {train}; new ones are added to it.")
    writer.describe(
        split="given" if all(item.split for item in found.items) else "by label, seeded",
        train=train,
        seed=settings.seed,
        notices=list(found.notices),
    )


def lacks_weights(record: EncoderRecord, cache: Path) -> bool:
    """Whether a weights file that was made with the cache is gone (damaged, and set aside by a repair)."""
    return not all((cache / name).is_file() for name in record.weights.get("files", {}).values())


def forget_failures_of_absent_items(writer: CacheWriter, items: Sequence[Item]) -> None:
    """A file that was taken away is no item any more, and counts as a miss no longer."""
    here = {(item.modality, item.id) for item in items}
    for failure in writer.failures():
        if (failure.modality, failure.id) not in here:
            writer.clear_failure(failure.modality, failure.id)


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


def _other_file(before: Item, now: Item) -> bool:
    """Whether both files are there and differ; a file that is gone was moved.

    What was fetched from a store is compared with a file of here by its checksum. Nothing is fetched for this: other
    files of stores are compared by their size.
    """
    try:
        digest = before.extra.get(SHA256)
        if digest and not is_url(now.path):
            with Path(now.path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() != digest
        if is_url(before.path) or is_url(now.path):
            return _size(before.path) != _size(now.path)
        return not (Path(before.path).samefile(now.path) or filecmp.cmp(before.path, now.path, shallow=False))
    except Exception:
        return False  # it is gone, or a store does not answer


def _size(path: str) -> int | None:
    return stated_in_folders(path).size if is_url(path) else Path(path).stat().st_size
