"""index.json: what the cache holds. A shard counts only when it stands here; replacing this file is the commit."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_origin

from fmn.errors import InputError
from fmn.files import write_durably
from fmn.item import MODALITIES

from .failure import Failure
from .layout import INDEX, SCHEMA, SHARD_ITEMS, SHARD_NAME, TOOL
from .record import EncoderRecord

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class ShardEntry:
    """One committed shard: its file name in the cache folder, what it holds and its checksum."""

    file: str
    modality: str
    encoder: str
    items: int
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        # The exact name, not a path: an index from elsewhere must not make anybody read or delete other files.
        match = SHARD_NAME.fullmatch(self.file)
        if match is None or (match["modality"], match["encoder"]) != (self.modality, self.encoder):
            raise ValueError(f"the file must be named {self.modality}-{self.encoder}-NNNNN.h5, not {self.file!r}")
        if not 1 <= self.items <= SHARD_ITEMS:
            raise ValueError(f"{self.file} must hold 1 to {SHARD_ITEMS} items, not {self.items}")


@dataclass(frozen=True)
class Index:
    """The content of index.json."""

    tool: str = TOOL
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    protocol: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    encoders: tuple[EncoderRecord, ...] = ()
    shards: tuple[ShardEntry, ...] = ()
    failures: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        names = [(record.modality, record.name) for record in self.encoders]
        _once(names, "encoder")
        _once([shard.file for shard in self.shards], "shard")
        for shard in self.shards:
            if (shard.modality, shard.encoder) not in names:
                raise ValueError(f"shard {shard.file} has no encoder record")
        if not all(failure.modality in MODALITIES for failure in self.failures):
            raise ValueError("a failure is neither video nor audio")

    def record(self, modality: str, encoder: str) -> EncoderRecord | None:
        """Return the record of an encoder, or None."""
        return next((each for each in self.encoders if (each.modality, each.name) == (modality, encoder)), None)

    def record_of(self, shard: ShardEntry) -> EncoderRecord:
        """Return the record of the encoder that made a shard."""
        return next(each for each in self.encoders if (each.modality, each.name) == (shard.modality, shard.encoder))

    def shards_of(self, modality: str, encoder: str) -> list[ShardEntry]:
        """Return the shards of an encoder in the order of their making."""
        return [each for each in self.shards if (each.modality, each.encoder) == (modality, encoder)]


def load_index(folder: Path) -> Index:
    """Read and check index.json. Raises InputError: no cache there, another schema version, or damaged."""
    path = folder / INDEX
    if not path.is_file():
        there = f"the folder {folder} has no {INDEX}" if folder.is_dir() else f"there is no folder {folder}"
        raise InputError(f"Not a feature cache: {there}. Run fmn-extract first, or give the folder that it wrote.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        if not isinstance(content, dict):
            raise ValueError(f"it must be a JSON object, not {type(content).__name__}")
        schema = content.get("schema")
        if type(schema) is not int:
            raise ValueError(f"its schema must be a whole number, not {schema!r}")
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if schema != SCHEMA:
        remedy = "update fmn" if schema > SCHEMA else "use the fmn that wrote it"
        raise InputError(
            f"The cache {folder} has schema {schema} (written by {content.get('tool', 'an unknown tool')}), but {TOOL} "
            f"reads schema {SCHEMA}: {remedy}, or extract again into another folder."
        )
    try:
        return Index(
            tool=_typed(content.get("tool"), str, "tool"),
            created=_typed(content.get("created"), str, "created"),
            protocol=_typed(content.get("protocol"), dict, "protocol"),
            labels=tuple(_typed(label, str, "label") for label in _list(content, "labels")),
            encoders=tuple(_record(value) for value in _list(content, "encoders")),
            shards=tuple(_entry(ShardEntry, value) for value in _list(content, "shards")),
            failures=tuple(_entry(Failure, value) for value in _list(content, "failures")),
        )
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error


def save_index(folder: Path, index: Index) -> None:
    """Replace index.json in one step, durably. Raises OSError."""
    content = {
        "schema": SCHEMA,
        "tool": TOOL,
        "created": index.created,
        "protocol": index.protocol,
        "labels": list(index.labels),
        "encoders": [{**asdict(record), "fingerprint": record.fingerprint} for record in index.encoders],
        "shards": [asdict(shard) for shard in index.shards],
        "failures": [asdict(failure) for failure in index.failures],
    }
    # ASCII, so that file names that are not UTF-8 survive as escapes.
    write_durably(folder, INDEX, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("ascii"))


def _record(value: object) -> EncoderRecord:
    record = _entry(EncoderRecord, value)
    stated = value.get("fingerprint") if isinstance(value, dict) else None
    if stated != record.fingerprint:
        raise ValueError(f"encoder {record.name} does not match its fingerprint, so the record was changed afterwards")
    return record


def _entry(kind: type[Entry], value: object) -> Entry:
    """Build a dataclass from a JSON object whose values must have the fields' types."""
    name = kind.__name__
    given = _typed(value, dict, name)
    wanted = {each.name: dict if get_origin(each.type) else each.type for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: _typed(given.get(key), each, f"{key} of {name}") for key, each in wanted.items()})


def _typed(value: object, kind: Any, what: str) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{what} must be {kind.__name__}, not {value!r:.80}")
    return value


def _list(content: dict[str, Any], key: str) -> list[Any]:
    found: list[Any] = _typed(content.get(key), list, key)
    return found


def _once(names: Iterable[object], what: str) -> None:
    seen = list(names)
    twice = next((name for name in seen if seen.count(name) > 1), None) if len(set(seen)) < len(seen) else None
    if twice is not None:
        raise ValueError(f"{what} {twice} stands there twice")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _damaged(path: Path, error: Exception) -> InputError:
    said = f"{error}" if isinstance(error, ValueError) else "it is nested too deeply"
    return InputError(
        f"The cache's index {path} is damaged: {said}. Put a sound copy of it back, or delete the cache's shards "
        f"and index and run fmn-extract again."
    )
