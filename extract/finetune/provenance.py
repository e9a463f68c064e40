"""What an encoder was fitted on, by content, so that no encoder ever sees the items that it is tested on."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

from fmn.cache import EncoderRecord, Item

NAMED = 3
DIGITS = 16  # of a key; 64 bits tell the items of any archive apart


def item_key(item: Item) -> str:
    """16 hex digits that follow from the file's content and the item's interval, whatever its name.

    A file that cannot be read has the key "": it is fitted on as little as it is tested on.
    """
    try:
        stat = Path(item.path).stat()
        content = _content(item.path, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return ""
    return hashlib.sha256(f"{content} {item.start} {item.end}".encode()).hexdigest()[:DIGITS]


def item_keys(items: Iterable[Item]) -> list[str]:
    """The sorted keys of the readable items."""
    return sorted({key for item in items if (key := item_key(item))})


def seen_test_items(keys: Sequence[str], items: Iterable[Item]) -> list[str]:
    """Ids of the items of split "test" that are among the `keys` that an encoder was fitted on."""
    seen = set(keys)
    return [item.id for item in items if seen and item.split == "test" and item_key(item) in seen]


def record_keys(record: EncoderRecord, cache: Path) -> list[str]:
    """Keys of the items that the weights of a record were fitted on, from the headers of files that fitting wrote."""
    files = [cache / str(name) for name in record.weights.get("files", {}).values()]
    given = record.weights.get("paths", {}).values() if "paths" in record.weights else [record.weights.get("path", "")]
    return sorted({key for path in [*files, *map(Path, map(str, given))] for key in _keys_of(path)})


def _keys_of(path: Path) -> list[str]:
    """`fitted_on.content` in the header of a safetensors file; [] for other files."""
    if path.suffix != ".safetensors" or not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("fmn", "{}"))
        keys = about["fitted_on"]["content"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return []
    return [str(key) for key in keys] if isinstance(keys, list) else []


def named(ids: Sequence[str]) -> str:
    """The first three ids, for a sentence."""
    return ", ".join(ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")


@lru_cache(maxsize=200_000)
def _content(path: str, size: int, changed: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
