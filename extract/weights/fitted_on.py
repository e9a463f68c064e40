"""What an encoder was fitted on, by content, so that no encoder ever sees the items that it is tested on."""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from safetensors import SafetensorError, safe_open

from fmn.cache import EncoderRecord
from fmn.item import Item
from fmn.media import is_url
from fmn.stores import stated_in_folders

from .sniff import is_safetensors

NAMED = 3
DIGITS = 16  # of a key; 64 bits tell the items of any archive apart


def item_key(item: Item) -> str:
    """`<16 hex digits of the file's sha256> <start> <end>` in seconds, "inf" for the file's end, whatever its name.

    A file in a store is not fetched for this: the sha256 is that of its size and its store's own checksum, or of its
    address and time where the store has none (`fmn.stores.Stated`).

    What cannot be read, or is no file (a pipe would never end), has the key "": it is fitted on as little as it is
    tested on.
    """
    if is_url(item.path):
        try:
            content = hashlib.sha256(stated_in_folders(item.path).version.encode("utf-8", "replace")).hexdigest()
        except Exception:
            return ""
        return _key(content, item)
    try:
        stat = Path(item.path).stat()
        if not S_ISREG(stat.st_mode):
            return ""
        content = _content(item.path, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return ""
    return _key(content, item)


def _key(content: str, item: Item) -> str:
    return f"{content[:DIGITS]} {item.start or 0.0:.6f} {math.inf if item.end is None else item.end:.6f}"


def item_keys(items: Iterable[Item]) -> list[str]:
    """The sorted keys of the readable items."""
    return sorted({key for item in items if (key := item_key(item))})


def seen_test_items(keys: Sequence[str], items: Iterable[Item]) -> list[str]:
    """Ids of the items of split "test" that share a moment of a file with one of the `keys`."""
    seen: dict[str, list[tuple[float, float]]] = {}
    for key in keys:
        content, start, end = _parts(key)
        seen.setdefault(content, []).append((start, end))
    found = []
    for item in items if seen else ():
        if item.split == "test" and (key := item_key(item)):
            content, start, end = _parts(key)
            if any(start < last and first < end for first, last in seen.get(content, ())):
                found.append(item.id)
    return found


def _parts(key: str) -> tuple[str, float, float]:
    """A key's content, start and end; a key that nobody wrote names nothing."""
    try:
        content, start, end = key.split()
        return content, float(start), float(end)
    except ValueError:
        return "", 0.0, 0.0


def record_keys(record: EncoderRecord, cache: Path) -> list[str]:
    """Keys of the items that the weights of a record were fitted on, from the headers of files that fitting wrote."""
    files = [cache / str(name) for name in record.weights.get("files", {}).values()]
    given = record.weights.get("paths", {}).values() if "paths" in record.weights else [record.weights.get("path", "")]
    return sorted({key for path in [*files, *map(Path, map(str, given))] for key in file_keys(path)})


def file_keys(path: Path) -> list[str]:
    """`fitted_on.content` in the header of a safetensors file, whatever it is called; [] for other files."""
    if not path.is_file() or not is_safetensors(path):
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
