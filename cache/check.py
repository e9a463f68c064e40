"""Is the cache sound, and what is in it?"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fmn.item import Item

from .index import Failure, Index, ShardEntry, load_index
from .layout import INDEX
from .orphans import orphans
from .reader import FeatureCache
from .record import EncoderRecord
from .shard import ShardError, read_shard, shard_bytes

FLAG = (
    "A program that had it open for writing was killed: its consistency flag is set, its rows are whole. "
    "`fmn-cache repair` mends the flag."
)


@dataclass(frozen=True)
class Problem:
    """Something wrong with one file of the cache: its name in the folder, and what is wrong in a sentence."""

    file: str
    what: str


@dataclass(frozen=True)
class EncoderSummary:
    """What the cache holds of one encoder. `seconds` is the media time read, `padded` counts repeat-padded items,
    `notes` those of each note."""

    record: EncoderRecord
    items: int
    shards: int
    seconds: float
    padded: int
    splits: dict[str, int]
    labels: dict[str, int]
    notes: dict[str, int]


@dataclass(frozen=True)
class Summary:
    """What a cache holds. `bytes` counts the shards and the index."""

    path: Path
    tool: str
    created: str
    protocol: dict[str, Any]
    encoders: list[EncoderSummary]
    failures: list[Failure]
    reasons: dict[str, int]
    bytes: int
    warnings: list[str]


def verify(path: str | Path) -> list[Problem]:
    """Check every file of a cache and return what is wrong, [] if nothing is. Changes nothing.

    Every shard must be there with its sha256, hold what the index says in the right shapes, finite and with ids that
    occur once; the index's labels must be theirs; weights kept with the cache must have their sha256; and no orphans of
    a killed writer may lie about (a writer at work has some: verify when it is done).

    Raises InputError where there is no cache, or one of another schema version.
    """
    folder = Path(path)
    index = load_index(folder)
    damaged = shard_problems(folder, index)
    known = {problem.file for problem in damaged}
    left = [Problem(entry.file, FLAG) for entry in flagged(folder, index) if entry.file not in known]
    return [*damaged, *left, *_weights_problems(folder, index), *_orphan_problems(folder, index)]


def flagged(folder: Path, index: Index) -> list[ShardEntry]:
    """The shards that are sound but for HDF5's consistency flag."""
    found = []
    for entry in index.shards:
        with suppress(ShardError):
            found += [] if shard_bytes(folder, entry)[1] else [entry]
    return found


def shard_problems(folder: Path, index: Index) -> list[Problem]:
    """Return what is wrong with the shards, and with the index as far as the shards show it."""
    problems = []
    labels: set[str] = set()
    home: dict[tuple[str, str, str], str] = {}
    for entry in index.shards:
        try:
            items = read_shard(folder, entry, index.record_of(entry)).items
        except ShardError as error:
            problems.append(Problem(entry.file, error.what))
            continue
        labels.update(item.label for item in items)
        twice = [item.id for item in items if (entry.modality, entry.encoder, item.id) in home]
        if twice:
            where = home[entry.modality, entry.encoder, twice[0]]
            problems.append(Problem(entry.file, f"{len(twice)} of its ids stand in {where} too, such as {twice[0]!r}."))
        home.update({(entry.modality, entry.encoder, item.id): entry.file for item in items})
    if not problems and set(index.labels) != labels - {""}:
        odd = ", ".join(sorted(set(index.labels) ^ (labels - {""}))[:5])
        problems.append(Problem(INDEX, f"Its labels are not those of the shards: they differ in {odd}."))
    return problems


def inspect(path: str | Path) -> Summary:
    """Read a cache and count what it holds. Raises InputError where FeatureCache does."""
    folder = Path(path)
    index, cache = load_index(folder), FeatureCache(folder)
    return Summary(
        path=folder,
        tool=index.tool,
        created=index.created,
        protocol=cache.protocol,
        encoders=[_encoder_summary(cache, index, record) for record in cache.encoders()],
        failures=cache.failures(),
        reasons=dict(Counter(failure.reason for failure in cache.failures()).most_common()),
        bytes=(folder / INDEX).stat().st_size + sum(entry.bytes for entry in index.shards),
        warnings=cache.warnings(),
    )


def _encoder_summary(cache: FeatureCache, index: Index, record: EncoderRecord) -> EncoderSummary:
    key = (record.modality, record.name)
    items: list[Item] = cache.items(*key)
    return EncoderSummary(
        record=record,
        items=len(items),
        shards=len(index.shards_of(*key)),
        seconds=float(np.sum(cache.seconds(*key))),
        padded=int(np.count_nonzero(cache.repeated(*key))),
        splits=dict(sorted(Counter(item.split for item in items).items())),
        labels=dict(sorted(Counter(item.label for item in items).items())),
        notes=dict(Counter(note for notes in cache.notes(*key) for note in notes).most_common()),
    )


def _weights_problems(folder: Path, index: Index) -> Iterator[Problem]:
    for record in index.encoders:
        sums = record.weights.get("sha256")
        for role, name in record.weights.get("files", {}).items():
            whose = f"the {role} weights of the {record.modality} encoder {record.name}"
            wanted = sums.get(role) if isinstance(sums, dict) else sums
            if not (folder / name).is_file():
                yield Problem(name, f"The file is missing: {whose} should be in it, so new queries cannot be encoded.")
            elif wanted and hashlib.sha256((folder / name).read_bytes()).hexdigest() != wanted:
                yield Problem(name, f"The file is not the one that made the features: {whose} have another sha256.")


def _orphan_problems(folder: Path, index: Index) -> Iterator[Problem]:
    for name in orphans(folder, index):
        yield Problem(
            name, "The index does not name it: a killed writer left it (repair sweeps it), or one is at work."
        )
