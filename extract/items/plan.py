"""The resolved manifest that an extraction leaves in its cache: every item with its split, for reruns and the eye."""

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fmn.errors import InputError
from fmn.item import Item

PLAN_FILE = "manifest.csv"
COLUMNS = ("id", "modality", "path", "label", "split", "pair", "group", "start", "end", "text")


def write_plan(cache: Path, items: Sequence[Item]) -> None:
    """Write `cache/manifest.csv`, atomically. It is itself a manifest that `read_manifest` takes."""
    extra = sorted({name for item in items for name in item.extra})
    temporary = cache / f".{PLAN_FILE}.{os.getpid()}.tmp"
    with temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as handle:
        writer = csv.writer(handle)
        writer.writerow([*COLUMNS, *extra])
        for item in items:
            fixed = [getattr(item, name) for name in COLUMNS]
            writer.writerow(
                ["" if value is None else value for value in fixed] + [item.extra.get(n, "") for n in extra]
            )
    os.replace(temporary, cache / PLAN_FILE)


def known_splits(cache: Path) -> Mapping[tuple[str, str], str]:
    """(modality, id) -> split of an earlier extraction into this cache, so that no item ever changes sides."""
    path = cache / PLAN_FILE
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as handle:
            return {(row["modality"], row["id"]): row["split"] for row in csv.DictReader(handle)}
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise InputError(
            f"{path} was written by an earlier extraction and keeps items on their side of the split; it is damaged. "
            "Put it back, or extract into another --cache."
        ) from None
