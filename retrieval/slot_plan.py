"""Where each pair of a batch goes: decided on scalar products alone, and then written to the banks.

Merging v into K turns q.K into (1-w) q.K + w q.v, so the decisions of a batch need its products once and no vectors.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

# Similarities closer than this count as equal, so that rounding decides neither a threshold nor a tie between slots.
RESOLUTION = 1e-9
# A merge that shrinks a slot below this share of its parts cancels digits: the products are then taken afresh.
CANCELLATION = 1e-2


def decide(
    video: Tensor,
    audio: Tensor,
    banks: tuple[Tensor, Tensor],
    slots: tuple[Tensor, Tensor],
    t2: float,
    weight: float,
) -> "Plan":
    """Where each pair goes, from one transfer of scalar products; stops early after a merge that cancels.

    Args:
        video, audio: the pairs, [B, Dv] and [B, Da].
        banks: of video and audio, [X, Dv] and [X, Da].
        slots: used and born, [X] each (`FeatureMemory`).
        t2, weight: of `FeatureMemory`.
    """
    parts = list(slots)
    for batch, bank in zip((video.double(), audio.double()), (bank.double() for bank in banks), strict=True):
        parts += [batch @ bank.T, batch @ batch.T, bank.square().sum(1)]
    flat = torch.cat([part.flatten().double() for part in parts]).cpu().numpy()
    pieces = np.split(flat, np.cumsum([part.numel() for part in parts])[:-1])
    used, born, *products = (piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True))
    sides = (Products(*products[:3]), Products(*products[3:]))
    plan = Plan(used.astype(np.int64), born.astype(np.int64))
    joint = (sides[0].cosines() + sides[1].cosines()) / 2
    joint[:, used == 0] = -np.inf
    for i in range(len(video)):
        plan.done = i + 1
        best = joint[i].max()
        if best == -np.inf or best < t2 - RESOLUTION:
            x = plan.put(i)
            for side in sides:
                side.put(x, i)
        else:
            x = int(np.argmax(joint[i] >= best - RESOLUTION))
            plan.merge(x, i)
            if not all([side.merge(x, i, weight) for side in sides]):  # noqa: C419 - both sides must merge
                break
        joint[:, x] = (sides[0].cosines(x) + sides[1].cosines(x)) / 2
    return plan


class Products:
    """Scalar products of one modality, kept true while the decisions run ahead of the bank itself.

    dots [B, X]: batch with slots, gram [B, B]: batch with batch, square [X]: slots with themselves.
    """

    def __init__(self, dots: Floats, gram: Floats, square: Floats) -> None:
        self.dots, self.gram, self.square = dots, gram, square
        self.length = np.sqrt(gram.diagonal())
        self.parts = np.sqrt(square)  # what the length would be without any cancellation

    def put(self, x: int, i: int) -> None:
        self.dots[:, x] = self.gram[:, i]
        self.square[x], self.parts[x] = self.gram[i, i], self.length[i]

    def merge(self, x: int, i: int, w: float) -> bool:
        """K[x] <- (1-w) K[x] + w v[i]; False when too few digits are left to go on with."""
        square = (1 - w) ** 2 * self.square[x] + 2 * w * (1 - w) * self.dots[i, x] + w**2 * self.gram[i, i]
        self.square[x] = max(square, 0.0)
        self.dots[:, x] = (1 - w) * self.dots[:, x] + w * self.gram[:, i]
        self.parts[x] = (1 - w) * self.parts[x] + w * self.length[i]
        return bool(self.square[x] >= (CANCELLATION * self.parts[x]) ** 2)

    def cosines(self, x: int | slice = slice(None)) -> Floats:
        """Cosines of the batch with slot x [B], or with all of them [B, X]."""
        lengths = np.multiply.outer(self.length, np.sqrt(self.square[x]))
        dots = self.dots[:, x]
        cosines: Floats = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
        return cosines


class Plan:
    """Who goes where: the book-keeping of the slots, and the writes to be replayed on the banks."""

    def __init__(self, used: NDArray[np.int64], born: NDArray[np.int64]) -> None:
        self.used, self.born = used, born
        self.done = 0  # pairs decided
        self.counts = np.zeros(3, dtype=np.int64)  # written, merged, replaced
        self.first: dict[int, int] = {}  # slot -> the row put into it last
        self.merges: dict[int, list[int]] = {}  # slot -> the rows merged into it since

    def put(self, i: int) -> int:
        empty = np.flatnonzero(self.used == 0)
        self.counts[0 if len(empty) else 2] += 1
        x = int(empty[0]) if len(empty) else int(np.lexsort((self.born, self.used))[0])
        self.used[x], self.born[x] = 1, self.born.max() + 1
        self.first[x] = i
        self.merges.pop(x, None)
        return x

    def merge(self, x: int, i: int) -> None:
        self.counts[1] += 1
        self.used[x] += 1
        self.merges.setdefault(x, []).append(i)

    def rounds(self) -> Iterator[tuple[list[int], list[int]]]:
        """The k-th merge of every slot, k = 0, 1, ...: slots and the rows that go into them."""
        for k in range(max(map(len, self.merges.values()), default=0)):
            slots = [x for x, rows in self.merges.items() if len(rows) > k]
            yield slots, [self.merges[x][k] for x in slots]

    def replay(self, bank: Tensor, features: Tensor, w: float) -> None:
        """Write to the bank, with the very operations of the plain loop on every element."""
        writes = [(list(self.first), list(self.first.values())), *self.rounds()]
        places = torch.tensor([[x for slots, _ in writes for x in slots], [i for _, rows in writes for i in rows]])
        slots, rows = places.long().to(bank.device)
        sizes = [len(s) for s, _ in writes]
        for number, (x, i) in enumerate(zip(slots.split(sizes), rows.split(sizes), strict=True)):
            bank[x] = features[i] if number == 0 else (1 - w) * bank[x] + w * features[i]
