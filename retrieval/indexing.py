"""Ranking a gallery that the memory has absorbed: what `fmn-eval --index-gallery` adds to a report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmn.cache import FeatureCache

from .protocol import DIRECTIONS, Report, evaluate_cache
from .retriever import Retriever

RULE = (
    "gallery: its items were absorbed by the memory, unlabelled, before any query was asked; a query is read alone, by "
    "what was remembered of the train split. both: the archives of both modalities were absorbed, so that the queries, "
    "too, were known beforehand (unlabelled)."
)
WAYS = ("gallery", "both")


@dataclass(frozen=True)
class IndexedRetriever:
    """A retriever and which modalities are indexed: a scorer of whole galleries."""

    retriever: Retriever
    indexed: tuple[str, ...]

    def score(self, video: NDArray[np.float32], audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """S of every pair: video [N, D_v], audio [M, D_a] -> [N, M]; what is indexed is given whole."""
        return self.retriever.score(video, audio, self.indexed)


def evaluate_indexed(cache: FeatureCache, retriever: Retriever, report: Report) -> Report:
    """Add to a report how the same queries fare in an indexed gallery.

    Args:
        cache: the one that `report` was made on.
        retriever: with a memory of items.
        report: of the retriever by itself.

    Returns:
        The report with `facts["gallery"]`: {"rule", "gallery" and "both": {direction: the dict of `metrics.evaluate`}}.

    Raises:
        InputError: the retriever has no memory of items.
    """

    def ranked(*indexed: str) -> Mapping[str, Mapping[str, Any]]:
        return evaluate_cache(
            cache,
            IndexedRetriever(retriever, indexed),
            report.directions["speech->video"]["ks"],
            report.split,
            video_encoder=retriever.encoder("video"),
            audio_encoder=retriever.encoder("audio"),
        ).directions

    alone = {direction: ranked(gallery)[direction] for direction, (_, gallery) in DIRECTIONS.items()}
    found = {"rule": RULE, "gallery": alone, "both": ranked("video", "audio")}
    return replace(report, facts={**report.facts, "gallery": found})


def indexed_rows(report: Report, direction: str) -> Iterator[dict[str, Any]]:
    """One row a metric and k: {"metric", "k", "alone", "gallery", "both"}, rates in [0, 1]."""
    results = {"alone": report.directions[direction]} | {way: report.facts["gallery"][way][direction] for way in WAYS}
    for metric in ("hit_rate", "recall"):
        for k in results["alone"][metric]:
            yield {"metric": metric, "k": k} | {name: result[metric][k] for name, result in results.items()}
    yield {"metric": "mAP", "k": ""} | {name: result["mAP"] for name, result in results.items()}
