"""Exact search: score one query against every cached item of the other modality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmn.cache import FeatureCache
from fmn.errors import InputError

from .retriever import Retriever


@dataclass(frozen=True)
class Hit:
    """An item of the gallery in its place. `score`: S of eq. 3, in the retriever's own scale; `rank` from 1."""

    rank: int
    score: float
    id: str
    path: str
    label: str
    split: str
    text: str


def rank(
    retriever: Retriever,
    cache: FeatureCache,
    modality: str,
    query: NDArray[np.float32],
    *,
    k: int = 10,
    split: str = "all",
    index_gallery: bool = False,
) -> list[Hit]:
    """The k best items of the other modality.

    Args:
        retriever: fitted on this cache's features.
        cache: holds the gallery.
        modality: of the query, "audio" or "video".
        query: features [D] of the query, from the cache's own encoder.
        k: how many; fewer come where the gallery is smaller.
        split: "train", "val", "test" or "all" of the gallery.
        index_gallery: let the memory absorb the gallery first, unlabelled.

    Returns:
        Hits, best first; equal scores in the order of their ids.

    Raises:
        InputError: k below 1, no item in that split, or a gallery to absorb without a memory of items.
    """
    if k < 1:
        raise InputError(f"--k is at least 1, got {k}.")
    other = "video" if modality == "audio" else "audio"
    encoder = retriever.encoder(other)
    chosen = None if split == "all" else split
    items = cache.items(other, encoder, split=chosen)
    if not items:
        there = len(cache.ids(other, encoder))
        raise InputError(f"A search needs {other} items; {cache.path} has {there} and none in split {split!r}.")
    gallery = cache.features(other, encoder, split=chosen)
    indexed = (other,) if index_gallery else ()
    if modality == "audio":
        scores = retriever.score(gallery, query[None], indexed)[:, 0]
    else:
        scores = retriever.score(query[None], gallery, indexed)[0]
    order = np.argsort(-scores, kind="stable")[:k]
    return [
        Hit(place + 1, float(scores[at]), item.id, item.path, item.label, item.split, item.text)
        for place, at in enumerate(order.tolist())
        for item in [items[at]]
    ]
