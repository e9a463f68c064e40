"""A query of one file, encoded with the very encoders that filled a cache."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmn.cache import FeatureCache
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
    path: Path, cache: FeatureCache, encoders: dict[str, str], modality: str = "auto", device: str = "cpu"
) -> EncodedQuery:
    """Encode one recording or clip as the cache's items were encoded.

    Args:
        path: media file.
        cache: whose encoder records (and fitted weights) are used.
        encoders: modality -> encoder name.
        modality: "video", "audio", or "auto": a clip if the file has moving pictures, else a recording.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        InputError: the file is missing, a folder or cannot be decoded, or the encoder's weights are gone.
    """
    if path.is_dir():
        raise InputError(f"A query is a media file; {path} is a folder: name a file in it.")
    if not path.is_file():
        raise InputError(f"A query is a media file; there is none at {path}.")
    if modality == "auto":
        modality = "video" if has_video(path) else "audio"
    record = cache.encoder(modality, encoders[modality])
    encoder = open_encoder(record, Path(cache.path), device)
    (row,) = encoder.encode([Item(id=path.name, modality=modality, path=str(path.resolve()))])
    if isinstance(row, BadItem):
        raise row
    return EncodedQuery(modality, row.features)
