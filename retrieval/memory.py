"""The feature memory: two banks of remembered pairs (paper, section 3.3, eq. 3)."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float64]

# Similarities closer than this count as equal, so that rounding decides neither a threshold nor a tie between slots.
RESOLUTION = 1e-9
# A merge that shrinks a slot below this share of its parts cancels digits: the products are then taken afresh.
CANCELLATION = 1e-2
# Pairs decided on one set of products, which take SEGMENT x (SEGMENT + X) numbers.
SEGMENT = 256


class Update(NamedTuple):
    """What one update did with the pairs of its batch; the four numbers add up to the batch size."""

    written: int
    """pairs put into an empty slot"""
    merged: int
    """pairs averaged into the slot that they resemble"""
    replaced: int
    """pairs that took the place of the least-used slot"""
    ignored: int
    """pairs with s1 <= t1, or that do not match"""


class FeatureMemory(nn.Module):
    """Slots of remembered (video, speech) pairs; slot x of both banks is one pair, and all are empty at the start.

    For each pair of a batch, in order, if `s1 > t1`: `m2` = the largest of `(cos(v, K_v[x]) + cos(a, K_a[x])) / 2`
    over the filled slots. No filled slot or `m2 < t2`: the pair gets a slot of its own, the first empty one or else
    the least used, oldest first (an enrolled one last). Otherwise the best slot (lowest index among equals) moves to
    `(1 - w) K + w v` in both banks. A cosine with a zero vector is 0. Similarities that differ by less than 1e-9 count
    as equal.

    Args:
        capacity: number of slots X, at least 1.
        dim: feature length of both modalities, or (video, audio).
        t1: a pair is remembered when its score S1 is greater than this.
        t2: a pair that resembles no slot at least this much is new; -1 merges always, above 1 never.
        weight: w in [0, 1], the share of the new pair in a merge.

    Buffers: `video` [X, Dv], `audio` [X, Da], `used` [X] (pairs merged in a slot, 0 = empty) and `born` [X] (order of
    creation from 1, 0 = empty), so the memory is saved, loaded and moved like any module; and `enrolled` bool [X], not
    saved: slots that are replaced only where there is no other.
    """

    video: Tensor
    audio: Tensor
    used: Tensor
    born: Tensor
    enrolled: Tensor

    def __init__(self, capacity: int, dim: int | tuple[int, int], t1: float, t2: float, weight: float) -> None:
        super().__init__()
        dim_video, dim_audio = (dim, dim) if isinstance(dim, int) else dim
        if capacity < 1:
            raise ValueError(f"A memory needs at least 1 slot, but capacity is {capacity}.")
        if dim_video < 1 or dim_audio < 1:
            raise ValueError(f"Features need at least 1 number, but dim is {(dim_video, dim_audio)}.")
        if math.isnan(t1) or math.isnan(t2):
            raise ValueError(f"The thresholds must be numbers, but t1 is {t1} and t2 is {t2}.")
        if not 0 <= weight <= 1:
            raise ValueError(f"The weight of a merge lies in [0, 1], but it is {weight}.")
        self.capacity, self.dim = capacity, (dim_video, dim_audio)
        self.t1, self.t2, self.weight = float(t1), float(t2), float(weight)
        self.register_buffer("video", torch.zeros(capacity, dim_video))
        self.register_buffer("audio", torch.zeros(capacity, dim_audio))
        self.register_buffer("used", torch.zeros(capacity, dtype=torch.int64))
        self.register_buffer("born", torch.zeros(capacity, dtype=torch.int64))
        self.register_buffer("enrolled", torch.zeros(capacity, dtype=torch.bool), persistent=False)

    @property
    def filled(self) -> Tensor:
        """Which slots hold a pair: bool [X]."""
        return self.used > 0

    def similarity(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines of features to every slot: video [N, Dv], audio [M, Da] -> M_v [N, X], M_a [M, X] in [-1, 1].

        Empty slots give 0. Gradients flow to the features. Raises ValueError on a wrong shape.
        """
        video, audio = self._features("video", video), self._features("audio", audio)
        return _cosines(video, self.video), _cosines(audio, self.audio)

    @torch.no_grad()
    def update(self, video: Tensor, audio: Tensor, s1: Tensor, match: Tensor | None = None) -> Update:
        """Remember the pairs of a batch by the rule above, one after the other.

        Args:
            video, audio: the paired features [B, Dv] and [B, Da].
            s1: their scores [B], compared with t1 in their own precision.
            match: bool [B], which pairs are true ones; the others are ignored. None: all may be remembered.

        Raises ValueError on a wrong shape or on a number that is not finite; the memory is then unchanged.

        The result is that of the plain loop, in float64 bit for bit, but the vectors are touched by matrix products
        and by indexed writes alone. The decisions follow scalar products on the CPU: merging v into K turns q.K into
        (1-w) q.K + w q.v. The products are taken afresh for every batch (every 256 pairs of a large one) and after a
        merge in which the old and the new vector cancel, so no rounding adds up; each time they cross to the CPU once.
        """
        video, audio = self._features("video", video), self._features("audio", audio)
        batch = len(video)
        if len(audio) != batch or s1.shape != (batch,) or (match is not None and match.shape != (batch,)):
            shapes = [tuple(t.shape) for t in (video, audio, s1, match) if t is not None]
            raise ValueError(f"video, audio, s1 and match must agree in the first size, but their shapes are {shapes}.")
        if match is not None and match.dtype != torch.bool:
            raise ValueError(f"match must be bool, but it is {match.dtype}.")
        s1 = s1.to(video.device)
        passed = s1 > self.t1 if match is None else (s1 > self.t1) & match.to(video.device)
        sound = torch.stack([s1.isfinite(), video.isfinite().all(1), audio.isfinite().all(1), passed]).cpu().numpy()
        for name, rows in zip(("s1", "video", "audio"), sound[:3], strict=True):
            if not rows.all():
                raise ValueError(f"The memory takes finite numbers only, but row {rows.argmin()} of {name} has others.")
        chosen = torch.from_numpy(np.flatnonzero(sound[3])).to(video.device)
        video, audio = video[chosen], audio[chosen]
        counts, start = np.array([0, 0, 0, batch - len(chosen)]), 0
        while start < len(chosen):
            part = slice(start, start + SEGMENT)
            plan = self._decide(video[part], audio[part])
            plan.replay(self.video, video[part], self.weight)
            plan.replay(self.audio, audio[part], self.weight)
            self.used.copy_(torch.from_numpy(plan.used))
            self.born.copy_(torch.from_numpy(plan.born))
            counts[:3] += plan.counts
            start += plan.done
        return Update(*counts.tolist())

    def _features(self, name: str, features: Tensor) -> Tensor:
        bank = self.video if name == "video" else self.audio
        if features.ndim != 2 or features.shape[1] != bank.shape[1]:
            raise ValueError(f"{name} must be [N, {bank.shape[1]}], but its shape is {tuple(features.shape)}.")
        return features.to(bank)

    def _decide(self, video: Tensor, audio: Tensor) -> "_Plan":
        """Where each pair goes, from one transfer of scalar products; stops early after a merge that cancels."""
        parts = [self.used, self.born, self.enrolled]
        for batch, bank in ((video.double(), self.video.double()), (audio.double(), self.audio.double())):
            parts += [batch @ bank.T, batch @ batch.T, bank.square().sum(1)]
        flat = torch.cat([part.flatten().double() for part in parts]).cpu().numpy()
        pieces = np.split(flat, np.cumsum([part.numel() for part in parts])[:-1])
        used, born, enrolled, *products = (piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True))
        sides = (_Products(*products[:3]), _Products(*products[3:]))
        plan = _Plan(used.astype(np.int64), born.astype(np.int64), enrolled)
        joint = (sides[0].cosines() + sides[1].cosines()) / 2
        joint[:, used == 0] = -np.inf
        for i in range(len(video)):
            plan.done = i + 1
            best = joint[i].max()
            if best == -np.inf or best < self.t2 - RESOLUTION:
                x = plan.put(i)
                for side in sides:
                    side.put(x, i)
            else:
                x = int(np.argmax(joint[i] >= best - RESOLUTION))
                plan.merge(x, i)
                if not all([side.merge(x, i, self.weight) for side in sides]):  # noqa: C419 - both sides must merge
                    break
            joint[:, x] = (sides[0].cosines(x) + sides[1].cosines(x)) / 2
        return plan


class _Products:
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


class _Plan:
    """Who goes where: the book-keeping of the slots, and the writes to be replayed on the banks."""

    def __init__(self, used: NDArray[np.int64], born: NDArray[np.int64], enrolled: Floats) -> None:
        self.used, self.born, self.enrolled = used, born, enrolled
        self.done = 0  # pairs decided
        self.counts = np.zeros(3, dtype=np.int64)  # written, merged, replaced
        self.first: dict[int, int] = {}  # slot -> the row put into it last
        self.merges: dict[int, list[int]] = {}  # slot -> the rows merged into it since

    def put(self, i: int) -> int:
        empty = np.flatnonzero(self.used == 0)
        self.counts[0 if len(empty) else 2] += 1
        x = int(empty[0]) if len(empty) else int(np.lexsort((self.born, self.used, self.enrolled))[0])
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


def _cosines(features: Tensor, bank: Tensor) -> Tensor:
    return (_unit(features) @ _unit(bank).T).clamp(-1, 1)


def _unit(features: Tensor) -> Tensor:
    length = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / torch.where(length > 0, length, 1)
