"""Updating at test time: the memory goes on learning, without labels, from the queries that it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fmn.cache import FeatureCache
from fmn.errors import InputError

from .network import FeatureMemoryNetwork
from .protocol import DIRECTIONS, Report, evaluate_cache
from .remembering import MemoryNetwork
from .retriever import Retriever
from .updating_items import RULE as ITEMS_RULE
from .updating_items import UpdatingItems
from .updating_pairs import RULE as PAIRS_RULE
from .updating_pairs import UpdatingPairs


def updating(retriever: Retriever, direction: str, order: int = 0, seed: int = 0) -> UpdatingItems | UpdatingPairs:
    """The retriever as a scorer whose memory is updated between the queries of one direction.

    Raises:
        InputError: a retriever without memory, or one whose scores leave it out (beta 0).
    """
    network = retriever.network
    if isinstance(network, MemoryNetwork):
        return UpdatingItems(network, direction, order, seed)
    if not isinstance(network, FeatureMemoryNetwork):
        raise InputError(f"Only an FMN has memory banks that learn; this run is of kind {type(network).__name__}.")
    if network.config.leaves_memory_out:
        raise InputError("Updating the memory changes no score of this run, which leaves it out (beta 0).")
    return UpdatingPairs(network, direction, order, seed)


def evaluate_updating(
    cache: FeatureCache,
    retriever: Retriever,
    report: Report,
    *,
    orders: int = 20,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Report:
    """Add to a report how the same queries fare while the memory is updated, over several orders of them.

    Args:
        cache: the one that `report` was made on.
        retriever: an FMN.
        report: of the retriever without updating.
        orders: how many seeded orders of the queries.
        seed: of the orders.
        step: called after every order of a direction.

    Returns:
        The report with `facts["updating"]`: {"rule", "orders", "seed", "directions": {direction: {"offered" (mean
        number of queries or pairs offered to the memory), "hit_rate" and "recall" ({k: statistics}), "mAP":
        statistics}}}; statistics are {"mean", "sd" (n - 1), "min", "max"} over the orders, in [0, 1].

    Raises:
        InputError: orders below 1, or a retriever without memory, or one whose scores leave it out (beta 0).
    """
    if orders < 1:
        raise InputError(f"Updating is measured over at least 1 order of the queries, got {orders}.")
    directions: dict[str, Any] = {}
    for direction in DIRECTIONS:
        ks: Sequence[int] = report.directions[direction]["ks"]
        results, offered = [], []
        for order in range(orders):
            scorer = updating(retriever, direction, order, seed)
            once = evaluate_cache(
                cache,
                scorer,
                ks,
                report.split,
                video_encoder=retriever.encoder("video"),
                audio_encoder=retriever.encoder("audio"),
                samples=1,
            )
            results.append(once.directions[direction])
            offered.append(scorer.offered)
            step()
        directions[direction] = {"offered": float(np.mean(offered))} | _statistics(results, ks)
    rule = ITEMS_RULE if isinstance(retriever.network, MemoryNetwork) else PAIRS_RULE
    facts = {"rule": rule, "orders": orders, "seed": seed, "directions": directions}
    return replace(report, facts={**report.facts, "updating": facts})


def _statistics(results: Sequence[Mapping[str, Any]], ks: Sequence[int]) -> dict[str, Any]:
    rates = {
        metric: {str(k): statistics([each[metric][str(k)] for each in results]) for k in ks}
        for metric in ("hit_rate", "recall")
    }
    return {**rates, "mAP": statistics([each["mAP"] for each in results])}


def statistics(values: Sequence[float]) -> dict[str, float]:
    """Mean, standard deviation (n - 1; 0 for one value), least and greatest."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": spread, "min": min(values), "max": max(values)}
