"""Is the cache sound, and what is in it?"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fmn.files import read_whole
from fmn.item import Item
from fmn.parity import FOLDER, fits
from fmn.sealed import opened

from .index import Failure, Index, ShardEntry, load_index, read_index
from .layout import INDEX, MANIFEST
from .orphans import orphans
from .reader import FeatureCache
from .record import EncoderRecord
from .shard import ShardError, decode_shard, shard_bytes

FLAG = (
    "A program that had it open for writing was killed: its consistency flag is set, its rows are whole. "
    "`fmn-cache repair` mends the flag."
)
NAMED_BY_SUM = re.compile(r"-([0-9a-f]{12})\.safetensors$")
PARITY = "The file beside it could not be healed by it (damaged, or a killed writer left it): repair makes it anew."


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
    bytes: int
    warnings: list[str]


@dataclass(frozen=True)
class Seen:
    """What reading every shard once has shown. `flagged` are sound but for HDF5's consistency flag, `unhealable` are
    sound but their parity (`fmn.parity`) is not theirs; `labels` are those of the sound ones."""

    problems: list[Problem]
    flagged: list[ShardEntry]
    unhealable: list[ShardEntry]
    labels: set[str]


def verify(path: str | Path) -> list[Problem]:
    """Check every file of a cache and return what is wrong, [] if nothing is. Changes nothing.

    Every shard must be there with its sha256, hold what the index says in the right shapes, finite and with ids that
    occur once; the index's labels must be theirs; weights, statistics and the manifest kept with the cache must have
    their sha256; what a file is healed by must be its own; and no orphans of a killed writer may lie about (a writer at
    work has some: verify when it is done).

    Raises InputError where there is no cache, one of another schema version, or its index is damaged.
    """
    folder = Path(path)
    index = load_index(folder)
    seen = look(folder, index)
    return [
        *seen.problems,
        *(Problem(entry.file, FLAG) for entry in seen.flagged),
        *(Problem(f"{FOLDER}/{entry.file}", PARITY) for entry in seen.unhealable),
        *(Problem(name, said) for name, said in beside(folder, index).items()),
        *_orphan_problems(folder, index),
    ]


def unchecked_files(path: str | Path) -> list[str]:
    """The files of a cache that an earlier version wrote without a checksum; the next fmn-extract gives them one."""
    folder = Path(path)
    index, has_seal = read_index(folder)
    beside_it = {name for record in index.encoders for name in record.weights.get("files", {}).values()}
    beside_it |= {MANIFEST} if (folder / MANIFEST).exists() else set()
    return [*([] if has_seal else [INDEX]), *sorted(beside_it - known_sums(index).keys())]


def look(folder: Path, index: Index) -> Seen:
    """Read every shard, and see what is wrong with it, and with the index as far as the shards show it."""
    seen = Seen([], [], [], set())
    home: dict[tuple[str, str, str], str] = {}
    for entry in index.shards:
        try:
            data, whole = shard_bytes(folder, entry)
            items = decode_shard(folder, data, entry, index.record_of(entry)).items
        except ShardError as error:
            seen.problems.append(Problem(entry.file, error.what))
            continue
        twice = [item.id for item in items if (entry.modality, entry.encoder, item.id) in home]
        if twice:
            where = home[entry.modality, entry.encoder, twice[0]]
            what = f"{len(twice)} of its ids stand in {where} too, such as {twice[0]!r}."
            seen.problems.append(Problem(entry.file, what))
            continue
        home.update({(entry.modality, entry.encoder, item.id): entry.file for item in items})
        seen.labels.update({item.label for item in items} - {""})
        seen.flagged.extend([] if whole else [entry])
        seen.unhealable.extend([] if fits(folder / entry.file, data) else [entry])
    if not seen.problems and set(index.labels) != seen.labels:
        odd = ", ".join(sorted(set(index.labels) ^ seen.labels)[:5])
        seen.problems.append(Problem(INDEX, f"Its labels are not those of the shards: they differ in {odd}."))
    return seen


def beside(folder: Path, index: Index) -> dict[str, str]:
    """Name -> what is wrong with it, of the files that are no shards: weights, statistics, the manifest, parities."""
    wrong = {}
    roles = {
        name: f"the {role} weights of the {record.modality} encoder {record.name}"
        for record in index.encoders
        for role, name in record.weights.get("files", {}).items()
    }
    sums = known_sums(index)
    for name in dict.fromkeys([*roles, *sums]):
        whose = roles.get(name, "what the last fmn-extract wrote")
        try:
            data = read_whole(folder / name)
        except FileNotFoundError:
            so = ", so new queries cannot be encoded" if name in roles else ""
            wrong[name] = f"The file is missing: {whose} should be in it{so}."
            continue
        except OSError as error:
            wrong[name] = f"The file cannot be read ({error.strerror or error}): {whose} should be in it."
            continue
        if not hashlib.sha256(data).hexdigest().startswith(sums.get(name, "")):
            wrong[name] = f"The file was changed after it was written: {whose} had another sha256."
        elif name in sums and not fits(folder / name, data):
            wrong[f"{FOLDER}/{name}"] = PARITY
    data = read_whole(folder / INDEX)
    if opened(data)[1] and not fits(folder / INDEX, data):
        wrong[f"{FOLDER}/{INDEX}"] = PARITY
    return wrong


def known_sums(index: Index) -> dict[str, str]:
    """Name -> sha256 of the files beside the shards, or its beginning: an index made before tells less than all."""
    found = {}
    for record in index.encoders:
        sums = record.weights.get("sha256")
        for role, name in record.weights.get("files", {}).items():
            wanted = sums.get(role) if isinstance(sums, dict) else sums
            by_name = NAMED_BY_SUM.search(name)
            if isinstance(wanted, str):
                found[name] = wanted
            elif by_name:
                found[name] = by_name[1]
    return found | dict(index.files)


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


def _orphan_problems(folder: Path, index: Index) -> Iterator[Problem]:
    for name in orphans(folder, index):
        yield Problem(
            name, "The index does not name it: a killed writer left it (repair sweeps it), or one is at work."
        )
