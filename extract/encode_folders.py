"""Two folders of media, encoded with the very encoders that filled a cache and written nowhere."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmn.cache import FeatureCache
from fmn.errors import BadItem, InputError
from fmn.item import Item
from fmn.progress import Silence, Watcher
from fmn.threads import one_thread

from .encoders.registry import open_encoder
from .items.scan import scan


@dataclass(frozen=True)
class EncodedFolders:
    """`items`: modality -> what could be encoded; `features`: modality -> [n, D] float32 of these; `failures`: (id,
    modality, reason) of what could not; `set_aside`: names of files that are not used."""

    items: dict[str, list[Item]]
    features: dict[str, NDArray[np.float32]]
    failures: list[tuple[str, str, str]]
    set_aside: list[str]


def encode_folders(
    videos: Path,
    audio: Path,
    cache: FeatureCache,
    encoders: dict[str, str],
    device: str = "cpu",
    watcher: Watcher | None = None,
) -> EncodedFolders:
    """Encode a folder of clips and one of recordings as the cache's items were encoded.

    Args:
        videos, audio: class sub-folders, or files of the same stems (`fmn.extract.items.scan.scan`).
        cache: whose encoder records (and fitted weights) are used.
        encoders: modality -> encoder name.
        device: "auto", "cpu", "cuda" or "cuda:N".
        watcher: is told about the progress.

    Raises:
        InputError: no such folder, nothing in it, no labels or stems in common, the encoder's weights are gone, or
            nothing of a modality could be encoded.
    """
    watcher = watcher or Silence()
    found = scan(videos, audio)
    for notice in found.notices:
        watcher.say(notice)
    items: dict[str, list[Item]] = {}
    features: dict[str, NDArray[np.float32]] = {}
    failures: list[tuple[str, str, str]] = []
    for modality in ("audio", "video"):  # the quick one first
        record = cache.encoder(modality, encoders[modality])
        encoder = open_encoder(record, Path(cache.path), device)
        mine = [item for item in found.items if item.modality == modality]
        watcher.stage(f"{modality} -> {record.name}", len(mine))
        items[modality], rows = [], []
        for item in mine:
            with one_thread():  # as the cache's features were made
                (row,) = encoder.encode([item])
            if isinstance(row, BadItem):
                failures.append((item.id, modality, str(row)))
            else:
                items[modality].append(item)
                rows.append(row.features)
            watcher.item(item, str(row) if isinstance(row, BadItem) else "")
            watcher.step(1, int(isinstance(row, BadItem)))
        if not rows:
            raise InputError(
                f"No {modality} file of {videos if modality == 'video' else audio} could be encoded "
                f"({len(failures)} failed, the first: {failures[0][0]}: {failures[0][2]})"
            )
        features[modality] = np.stack(rows).astype(np.float32)
    return EncodedFolders(items, features, failures, found.set_aside)
