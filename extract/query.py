"""A query of one file, encoded with the very encoders that filled a cache."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmn.cache import FeatureCache
from fmn.child import Child, Crash, Limits
from fmn.errors import BadItem, InputError
from fmn.item import Item

from .encoders.registry import open_encoder
from .media.frames import has_video


@dataclass(frozen=True)
class EncodedQuery:
    """`modality` of the query and its features [D] float32."""

    modality: str
    features: NDArray[np.float32]


def encode_query(
    path: Path,
    cache: FeatureCache,
    encoders: dict[str, str],
    modality: str = "auto",
    device: str = "cpu",
    child: Child | None = None,
) -> EncodedQuery:
    """Encode one recording or clip as the cache's items were encoded, in a process of its own.

    Args:
        path: media file.
        cache: whose encoder records (and fitted weights) are used.
        encoders: modality -> encoder name.
        modality: "video", "audio", or "auto": a clip if the file has moving pictures, else a recording.
        device: "auto", "cpu", "cuda" or "cuda:N".
        child: the process, which is ended in the end; None starts one.

    Raises:
        InputError: the file is missing, a folder, crashes or hangs its reader or cannot be decoded, or the encoder's
            weights are gone.
    """
    if path.is_dir():
        raise InputError(f"A query is a media file; {path} is a folder: name a file in it.")
    if not path.is_file():
        raise InputError(f"A query is a media file; there is none at {path}.")
    child = child or Child(Limits())
    try:
        return child.call(_encode, path, Path(cache.path), encoders, modality, device)  # type: ignore[no-any-return]
    except Crash as crash:
        raise InputError(f"{path} cannot be read: the process that read it was lost, {crash}.") from None
    finally:
        child.close()


def _encode(path: Path, cache: Path, encoders: dict[str, str], modality: str, device: str) -> EncodedQuery:
    if modality == "auto":
        modality = "video" if has_video(path) else "audio"
    record = FeatureCache(cache).encoder(modality, encoders[modality])
    encoder = open_encoder(record, cache, device)
    (row,) = encoder.encode([Item(id=path.name, modality=modality, path=str(path.resolve()))])
    if isinstance(row, BadItem):
        raise row
    return EncodedQuery(modality, row.features)
