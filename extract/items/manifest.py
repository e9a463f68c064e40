"""The items of a set, from folders or a manifest, and the resolved manifest that an extraction leaves in its cache."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from fmn.cache import CacheWriter
from fmn.cache.index import load_index
from fmn.cache.layout import INDEX
from fmn.cache.layout import MANIFEST as PLAN_FILE
from fmn.errors import InputError
from fmn.files import read_whole
from fmn.item import Item
from fmn.manifest import COLUMNS, read_rows, see_ids_once
from fmn.stores import check_stores
from fmn.tables import as_csv, as_meant

from .scan import Scan, scan, with_own_tracks


def find_items(videos: Path | str | None, audio: Path | str | None, manifest: Path | None) -> Scan:
    """Scan the folders or read the manifest; InputError when neither or both are given, or items lie in stores that
    cannot be used here."""
    if manifest is not None:
        if videos is not None or audio is not None:
            raise InputError("Items come from folders or from --manifest, not from both. Leave one of them out.")
        found = read_manifest(manifest)
        check_stores(item.path for item in found.items)
        return found
    if videos is None:
        raise InputError(
            "Name a folder of videos (and one of recordings), or a --manifest: there is nothing to extract."
        )
    return scan(videos, audio)


def read_manifest(path: Path) -> Scan:
    """The items of a manifest, in its order (see `fmn.manifest.read_rows`). A missing media file fails later, by name.

    When only videos are listed, each one's own sound track becomes an audio item with the same id.

    Raises:
        InputError: what `read_rows` refuses; no rows; no video row; an id twice within a modality.
    """
    _, rows = read_rows(path)
    if not rows:
        raise InputError(f"The manifest {path} has a header but no rows. Give it one row for each video or recording.")
    see_ids_once(path, rows)
    items = [row.item for row in rows]
    modalities = {item.modality for item in items}
    if "video" not in modalities:
        raise InputError(f"The manifest {path} lists {len(items)} recordings and no video. Add rows of modality video.")
    if "audio" in modalities:
        return Scan(items, [], [], 0)
    notice = f"The manifest lists no recordings: the own sound tracks of the {len(items)} videos are used."
    return Scan(with_own_tracks(items), [notice], [], 0)


def check_place(cache: Path) -> None:
    """Raise InputError where `write_plan` would replace a file that is not its own: no set was accepted there yet."""
    if (cache / PLAN_FILE).exists() and not ((cache / INDEX).exists() and load_index(cache).protocol):
        raise InputError(
            f"A cache has a {PLAN_FILE} of its own, and {cache} holds one of somebody else's. Name another folder as "
            "--cache, a new one for instance."
        )


def write_plan(writer: CacheWriter, items: Sequence[Item]) -> None:
    """Write the cache's manifest.csv: every item with its split, for reruns and the eye. `read_manifest` takes it."""
    extra = sorted({name for item in items for name in item.extra})
    rows = ({**item.extra, **{name: getattr(item, name) for name in COLUMNS}} for item in items)
    writer.keep(PLAN_FILE, as_csv([*COLUMNS, *extra], rows, read_again=True).encode("utf-8", "surrogateescape"))


def known_splits(cache: Path) -> Mapping[tuple[str, str], str]:
    """(modality, id) -> split of an earlier extraction into this cache, so that no item ever changes sides.

    Raises InputError where its manifest is not what it wrote.
    """
    index, path = load_index(cache), cache / PLAN_FILE
    known = {(each.modality, each.id): each.split for each in index.failures if each.split}
    if not path.exists():
        return known
    try:
        data = read_whole(path)
        if hashlib.sha256(data).hexdigest() != index.files.get(PLAN_FILE, hashlib.sha256(data).hexdigest()):
            raise ValueError("another sha256")
        rows = map(as_meant, csv.DictReader(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))
        return known | {(row["modality"], row["id"]): row["split"] for row in rows}
    except (KeyError, ValueError, TypeError, OSError, csv.Error):
        raise InputError(
            f"{path} was written by an earlier extraction and keeps items on their side of the split; it was changed "
            f"or is damaged. Put it back; or run `fmn-cache repair {cache}`, which heals it, or sets it aside so that "
            "this command writes another. A manifest of your own wants another name."
        ) from None
