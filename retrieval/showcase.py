"""Some test queries with their top answers, for the page that people look at."""

import numpy as np

from fmn.cache import FeatureCache
from fmn.item import Item

from .page import Clip, PageHit, PageQuery
from .protocol import DIRECTIONS
from .relevance import relevance
from .retriever import Retriever


def showcase(
    cache: FeatureCache, retriever: Retriever, *, queries: int = 6, top: int = 5, split: str = "test"
) -> list[PageQuery]:
    """Rank the split as the evaluation does and take some queries of each direction.

    Args:
        cache: the features.
        retriever: fitted on them.
        queries: how many a direction, spread evenly over the queries' ids: not chosen by how well they went.
        top: answers a query.
        split: which split is ranked.

    Returns:
        Pages' queries, speech->video first.
    """
    items: dict[str, list[Item]] = {}
    features = {}
    for modality, encoder in retriever.encoders.items():
        every = cache.items(modality, encoder)
        rows = [row for row, item in enumerate(every) if item.split == split]
        items[modality] = [every[row] for row in rows]
        features[modality] = cache.features(modality, encoder)[rows]
    scores = retriever.score(features["video"], features["audio"])
    matches = relevance(
        [item.pair for item in items["video"]],
        [item.label for item in items["video"]],
        [item.pair for item in items["audio"]],
        [item.label for item in items["audio"]],
    )
    shown: list[PageQuery] = []
    for direction, (query, gallery) in DIRECTIONS.items():
        table, right = (scores, matches) if query == "video" else (scores.T, matches.T)
        for row in np.unique(np.linspace(0, len(table) - 1, min(queries, len(table))).round().astype(int)):
            best = np.argsort(-table[row], kind="stable")[:top]
            hits = [
                PageHit(_clip(items[gallery][at]), place, float(table[row, at]), bool(right[row, at]))
                for place, at in enumerate(best, start=1)
            ]
            shown.append(PageQuery(direction, _clip(items[query][row]), hits))
    return shown


def _clip(item: Item) -> Clip:
    return Clip(item.path, item.modality, item.label, item.text, item.start, item.end)
