"""Updating a memory of items at test time: an answered query is remembered under what it seems to be."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from .bank import unit
from .protocol import DIRECTIONS
from .remembering import MemoryNetwork
from .retriever import features_in
from .updating_pairs import order_of_queries

RULE = (
    "The queries of a direction come one after the other in a random order and are ranked with the memory as it is. "
    "Then the query is remembered, without any label, under every category by its own posterior times the weight of a "
    "gallery item; the slots move, the metric stays. The memory begins as the run left it for each direction and each "
    "order. The gallery is whole at every query."
)


@dataclass
class UpdatingItems:
    """A memory of items that remembers the queries of one direction: a scorer whose result has an order.

    `direction`: "speech->video" or "video->speech". `order`: number of the order; with `seed` it decides how the
    queries are shuffled, for each direction on its own. `offered`: queries remembered in the last `score`. The network
    never changes.
    """

    network: MemoryNetwork
    direction: str
    order: int = 0
    seed: int = 0
    offered: int = field(default=0, init=False)

    @torch.no_grad()
    def score(self, video: NDArray[np.float32], audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """S of every pair at the moment when its query was asked: video [N, D_v], audio [M, D_a] -> [N, M].

        What happens between two queries is `RULE`.

        Raises:
            InputError: another width, or values that are not finite.
        """
        network, config = self.network.eval(), self.network.config
        device = network.video.device
        given = {
            "video": features_in(video, config.video_dim, "video").to(device),
            "audio": features_in(audio, config.audio_dim, "audio").to(device),
        }
        asked, answered = DIRECTIONS[self.direction]
        gallery = network.similarities(answered, given[answered])
        s1 = network.s1(given["video"], given["audio"])
        reader = network.reader(asked)
        plain = reader.plain
        # The metric stays, so all of it happens in the few axes that the slots span.
        vectors = network.vectors(asked, given[asked])
        queries, beyond = vectors @ plain.axes, plain.beyond(vectors)
        sums, counts = reader.known.sums @ plain.axes, reader.known.counts
        scores = torch.empty(len(given["video"]), len(given["audio"]), dtype=queries.dtype, device=device)
        self.offered = 0
        for query in order_of_queries(len(queries), self.direction, self.order, self.seed).tolist():
            slots = sums / counts.clamp_min(1e-12)[:, None]
            middle = slots[plain.filled].mean(0)
            one = slice(query, query + 1)
            met = plain.meeting(queries[one], beyond[one], middle, unit(slots - middle))
            both = (gallery, met) if asked == "audio" else (met, gallery)
            row = (slice(None), [query]) if asked == "audio" else ([query], slice(None))
            scores[row] = network.from_similarities(*both, None if s1 is None else s1[row])
            share = config.gallery_weight * torch.softmax(met[0] / config.temperature, dim=-1) * plain.filled
            sums, counts = sums + share[:, None] * queries[query], counts + share
            self.offered += 1
        return scores.float().cpu().numpy()
