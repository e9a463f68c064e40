"""index.json: what the cache holds. A shard counts only when it stands here; replacing this file is the commit."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, StrictInt, TypeAdapter, ValidationError

from fmn.errors import InputError
from fmn.item import MODALITIES, Item
from fmn.parity import write_healable
from fmn.sealed import opened, read_sealed, sealed

from .layout import INDEX, SCHEMA, SHARD_ITEMS, SHARD_NAME, TOOL
from .record import EncoderRecord, lies_within


@dataclass(frozen=True)
class ShardEntry:
    """One committed shard: its file name in the cache folder, what it holds and its checksum."""

    file: str
    modality: str
    encoder: str
    items: StrictInt
    sha256: str
    bytes: StrictInt

    def __post_init__(self) -> None:
        # The exact name, not a path: an index from elsewhere must not make anybody read or delete other files.
        match = SHARD_NAME.fullmatch(self.file)
        if match is None or (match["modality"], match["encoder"]) != (self.modality, self.encoder):
            raise ValueError(f"the file must be named {self.modality}-{self.encoder}-NNNNN.h5, not {self.file!r}")
        if not 1 <= self.items <= SHARD_ITEMS:
            raise ValueError(f"{self.file} must hold 1 to {SHARD_ITEMS} items, not {self.items}")


@dataclass(frozen=True)
class Failure:
    """An item that could not be extracted, kept with the reason: every table can name it and count it as a miss."""

    id: str
    modality: str
    label: str
    split: str
    pair: str
    path: str
    reason: str

    @classmethod
    def of(cls, item: Item, reason: str) -> "Failure":
        """Return the failure of an item for a reason, one sentence."""
        return cls(item.id, item.modality, item.label, item.split, item.pair, item.path, reason)


def _whole(cls: type[Any]) -> BeforeValidator:
    """What an entry lacks is null in it: nothing that an index must say is filled in."""
    names = [each.name for each in fields(cls)]
    return BeforeValidator(
        lambda given: {name: given.get(name) for name in names} if isinstance(given, dict) else given
    )


@dataclass(frozen=True)
class Index:
    """The content of index.json. `files`: name -> sha256 of what lies beside the shards (weights, the manifest)."""

    tool: str = TOOL
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    protocol: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    encoders: tuple[Annotated[EncoderRecord, _whole(EncoderRecord)], ...] = ()
    shards: tuple[Annotated[ShardEntry, _whole(ShardEntry)], ...] = ()
    failures: tuple[Annotated[Failure, _whole(Failure)], ...] = ()
    files: Annotated[Mapping[str, str], BeforeValidator(lambda given: {} if given is None else given)] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        names = [(record.modality, record.name) for record in self.encoders]
        _once(names, "encoder")
        _once([shard.file for shard in self.shards], "shard")
        for shard in self.shards:
            if (shard.modality, shard.encoder) not in names:
                raise ValueError(f"shard {shard.file} has no encoder record")
        if not all(failure.modality in MODALITIES for failure in self.failures):
            raise ValueError("a failure is neither video nor audio")
        if odd := [name for name in self.files if not lies_within(name)]:
            raise ValueError(f"a file of the cache must lie in its folder, not at {odd[0]!r:.80}")

    def record(self, modality: str, encoder: str) -> EncoderRecord | None:
        """Return the record of an encoder, or None."""
        return next((each for each in self.encoders if (each.modality, each.name) == (modality, encoder)), None)

    def record_of(self, shard: ShardEntry) -> EncoderRecord:
        """Return the record of the encoder that made a shard."""
        return next(each for each in self.encoders if (each.modality, each.name) == (shard.modality, shard.encoder))

    def shards_of(self, modality: str, encoder: str) -> list[ShardEntry]:
        """Return the shards of an encoder in the order of their making."""
        return [each for each in self.shards if (each.modality, each.encoder) == (modality, encoder)]


_INDEX = TypeAdapter(Annotated[Index, _whole(Index)])


class DamagedIndexError(InputError):
    """index.json is not what was written."""


def load_index(folder: Path) -> Index:
    """Read and check index.json. Raises InputError: no cache there, another schema version, or damaged."""
    return read_index(folder)[0]


def read_index(folder: Path) -> tuple[Index, bool]:
    """`load_index`, and whether index.json has a checksum: one that an earlier version wrote has none."""
    path = folder / INDEX
    if not path.exists():
        there = f"the folder {folder} has no {INDEX}" if folder.is_dir() else f"there is no folder {folder}"
        raise InputError(f"Not a feature cache: {there}. Run fmn-extract first, or give the folder that it wrote.")
    try:
        content, has_seal = read_sealed(path)
        schema = content.get("schema")
        if type(schema) is not int:
            raise ValueError(f"its schema must be a whole number, not {schema!r:.80}")
        if schema == SCHEMA:
            return _validated(content), has_seal
    except (ValueError, OSError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise DamagedIndexError(
            f"The cache's index {path} is damaged: {said}. `fmn-cache repair {folder}` mends it where it can; else put "
            f"a sound copy of it back, or delete the cache's shards and index and run fmn-extract again."
        ) from error
    remedy = "update fmn" if schema > SCHEMA else "use the fmn that wrote it"
    raise InputError(
        f"The cache {folder} has schema {schema} (written by {content.get('tool', 'an unknown tool')!s:.80}), but "
        f"{TOOL} reads schema {SCHEMA}: {remedy}, or extract again into another folder."
    )


def is_sound(data: bytes) -> bool:
    """Whether these are the bytes of an index.json as it was written."""
    try:
        content, has_seal = opened(data)
        return has_seal and content.get("schema") == SCHEMA and bool(_validated(content))
    except ValueError:
        return False


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
        "files": dict(index.files),
    }
    # ASCII, so that file names that are not UTF-8 survive as escapes.
    write_healable(folder / INDEX, sealed(content))


def _validated(content: dict[str, Any]) -> Index:
    """The index of a JSON object. Raises ValueError that says what is wrong first."""
    try:
        index = _INDEX.validate_python(content)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from None
    for record, given in zip(index.encoders, content["encoders"], strict=True):
        if given.get("fingerprint") != record.fingerprint:
            raise ValueError(
                f"encoder {record.name} does not match its fingerprint, so the record was changed afterwards"
            )
    return index


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    place, *inner = first["loc"]
    entry = {
        "labels": "label",
        "encoders": "EncoderRecord",
        "shards": "ShardEntry",
        "failures": "Failure",
        "files": "file",
    }
    what = place if not inner else entry[str(place)] if len(inner) == 1 else f"{inner[1]} of {entry[str(place)]}"
    wanted = {"string_type": "str", "int_type": "int", "int_from_float": "int", "tuple_type": "list"}
    return f"{what} must be {wanted.get(first['type'], 'dict')}, not {first['input']!r:.80}"


def _once(names: Iterable[object], what: str) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise ValueError(f"{what} {name} stands there twice")
