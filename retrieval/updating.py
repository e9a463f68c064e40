"""Updating at test time: the memory goes on learning, without labels, from the queries that it answers."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmn.cache import FeatureCache
from fmn.errors import InputError

from .enrolment import memory_network, pair_memory
from .memory import FeatureMemory
from .protocol import DIRECTIONS, Report, evaluate_cache
from .retriever import Retriever, features_in

RULE = (
    "The queries of a direction come one after the other in a random order and are ranked with the memory as it is. "
    "Then the query and its best-scored gallery item (the first in the order of ids among equals) are offered to the "
    "memory as a pair, without any label, if the S1 of that pair is above T1. The memory begins as the run left it for "
    "each direction and each order. The gallery is whole at every query."
)


@dataclass
class UpdatingRetriever:
    """A retriever whose memory is updated between the queries of one direction: a scorer whose result has an order.

    `direction`: "speech->video" or "video->speech". `order`: number of the order; with `seed` it decides how the
    queries are shuffled, for each direction on its own. `offered`: pairs with S1 > T1 in the last `score`.
    The retriever and its memory never change.
    """

    retriever: Retriever
    direction: str
    order: int = 0
    seed: int = 0
    offered: int = field(default=0, init=False)

    def queries(self, count: int) -> NDArray[np.int64]:
        """The order of `count` queries, [count]."""
        direction = list(DIRECTIONS).index(self.direction)
        return np.random.default_rng([self.seed, direction, self.order]).permutation(count)

    @torch.no_grad()
    def score(self, video: NDArray[np.float32], audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """S of every pair at the moment when its query was asked: video [N, D_v], audio [M, D_a] -> [N, M].

        What happens between two queries is `RULE`. Similarities with the slots are kept, and taken afresh for the slots
        that an update changed alone.

        Raises:
            InputError: another width, values that are not finite, or a retriever without memory.
        """
        network = copy.deepcopy(memory_network(self.retriever)).eval()
        memory = pair_memory(network)
        device = memory.video.device
        standard_video = network.standardise_video(features_in(video, network.config.video_dim, "video").to(device))
        standard_audio = network.standardise_audio(features_in(audio, network.config.audio_dim, "audio").to(device))
        p_video, p_audio = network.embed_video(standard_video), network.embed_audio(standard_audio)
        s1 = network.all_s1(p_video, p_audio)  # it does not look at the memory, so it is known beforehand
        m_video = p_video.new_zeros(len(p_video), memory.capacity)
        m_audio = p_audio.new_zeros(len(p_audio), memory.capacity)

        def meet(slots: Tensor) -> None:
            meeting = network.similarities(standard_video, standard_audio, p_video, p_audio, slots)
            m_video[:, slots], m_audio[:, slots] = meeting

        meet(memory.filled)
        by_speech = DIRECTIONS[self.direction][0] == "audio"
        scores = torch.empty_like(s1)
        self.offered = 0
        for query in self.queries(s1.shape[1] if by_speech else s1.shape[0]).tolist():
            videos, sounds = (slice(None), [query]) if by_speech else ([query], slice(None))
            row = s1[videos, sounds]
            filled = memory.filled
            if bool(filled.any()):
                row = network.from_similarities(row, m_video[videos][:, filled], m_audio[sounds][:, filled])
            scores[videos, sounds] = row
            best = int(row.flatten().argmax())
            v, a = (best, query) if by_speech else (query, best)
            if bool(s1[v, a] > memory.t1):
                self.offered += 1
                meet(_update(memory, standard_video[v], standard_audio[a], s1[v, a]))
        return scores.cpu().numpy()


def _update(memory: FeatureMemory, video: Tensor, audio: Tensor, s1: Tensor) -> Tensor:
    """Offer one pair; returns the slots that changed, bool [X]."""
    used, born = memory.used.clone(), memory.born.clone()
    memory.update(video[None], audio[None], s1[None])
    return (memory.used != used) | (memory.born != born)


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
        number of pairs offered to the memory), "hit_rate" and "recall" ({k: statistics}), "mAP": statistics}}};
        statistics are {"mean", "sd" (n - 1), "min", "max"} over the orders, in [0, 1].

    Raises:
        InputError: orders below 1, or a retriever without memory, or one whose scores leave it out (beta 0).
    """
    if orders < 1:
        raise InputError(f"Updating is measured over at least 1 order of the queries, got {orders}.")
    if memory_network(retriever).config.leaves_memory_out:
        raise InputError("Updating the memory changes no score of this run, which leaves it out (beta 0).")
    directions: dict[str, Any] = {}
    for direction in DIRECTIONS:
        ks: Sequence[int] = report.directions[direction]["ks"]
        results, offered = [], []
        for order in range(orders):
            updating = UpdatingRetriever(retriever, direction, order, seed)
            once = evaluate_cache(
                cache,
                updating,
                ks,
                report.split,
                video_encoder=retriever.encoder("video"),
                audio_encoder=retriever.encoder("audio"),
                samples=1,
            )
            results.append(once.directions[direction])
            offered.append(updating.offered)
            step()
        directions[direction] = {"offered": float(np.mean(offered))} | _statistics(results, ks)
    facts = {"rule": RULE, "orders": orders, "seed": seed, "directions": directions}
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
