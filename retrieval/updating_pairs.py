"""The paper's updating at test time: an answered query and its best answer are offered to the banks as a pair."""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .memory import FeatureMemory
from .network import FeatureMemoryNetwork
from .protocol import DIRECTIONS
from .retriever import features_in

RULE = (
    "The queries of a direction come one after the other in a random order and are ranked with the memory as it is. "
    "Then the query and its best-scored gallery item (the first in the order of ids among equals) are offered to the "
    "memory as a pair, without any label, if the S1 of that pair is above T1. The memory begins as the run left it for "
    "each direction and each order. The gallery is whole at every query."
)


def order_of_queries(count: int, direction: str, order: int, seed: int) -> NDArray[np.int64]:
    """The order of `count` queries, [count]: drawn by (seed, direction, number of the order)."""
    return np.random.default_rng([seed, list(DIRECTIONS).index(direction), order]).permutation(count)


@dataclass
class UpdatingPairs:
    """An FMN whose memory is updated between the queries of one direction: a scorer whose result has an order.

    `direction`: "speech->video" or "video->speech". `order`: number of the order; with `seed` it decides how the
    queries are shuffled, for each direction on its own. `offered`: pairs with S1 > T1 in the last `score`.
    The network and its memory never change.
    """

    network: FeatureMemoryNetwork
    direction: str
    order: int = 0
    seed: int = 0
    offered: int = field(default=0, init=False)

    @torch.no_grad()
    def score(self, video: NDArray[np.float32], audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """S of every pair at the moment when its query was asked: video [N, D_v], audio [M, D_a] -> [N, M].

        What happens between two queries is `RULE`. Similarities with the slots are kept, and taken afresh for the slots
        that an update changed alone.

        Raises:
            InputError: another width, values that are not finite, or banks that hold no pairs.
        """
        network = copy.deepcopy(self.network).eval()
        memory = network.pairs
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
        count = s1.shape[1] if by_speech else s1.shape[0]
        for query in order_of_queries(count, self.direction, self.order, self.seed).tolist():
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
