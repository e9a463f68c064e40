"""The feature memory: two banks of remembered pairs (paper, section 3.3), and the three ways to fill them."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .slot_plan import decide

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
    the least used, oldest first. Otherwise the best slot (lowest index among equals) moves to
    `(1 - w) K + w v` in both banks. A cosine with a zero vector is 0. Similarities that differ by less than 1e-9 count
    as equal.

    Args:
        capacity: number of slots X, at least 1.
        dim: feature length of both modalities, or (video, audio).
        t1: a pair is remembered when its score S1 is greater than this.
        t2: a pair that resembles no slot at least this much is new; -1 merges always, above 1 never.
        weight: w in [0, 1], the share of the new pair in a merge.

    Buffers: `video` [X, Dv], `audio` [X, Da], `used` [X] (pairs merged in a slot, 0 = empty) and `born` [X] (order of
    creation from 1, 0 = empty), so the memory is saved, loaded and moved like any module.
    """

    video: Tensor
    audio: Tensor
    used: Tensor
    born: Tensor

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
            banks, slots = (self.video, self.audio), (self.used, self.born)
            plan = decide(video[part], audio[part], banks, slots, self.t2, self.weight)
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


class IndependentMemory(nn.Module):
    """Two banks, each with its own m2: slot x of one and slot x of the other are then not one remembered pair.

    The paper's text can be read so (design: `slots="independent"`). A pair that passes S1 > T1 goes to the video bank
    by the video cosines alone, and to the audio bank by the audio cosines alone. Arguments and use as `FeatureMemory`.
    """

    def __init__(self, capacity: int, dim: tuple[int, int], t1: float, t2: float, weight: float) -> None:
        super().__init__()
        # A bank by itself is a paired memory whose two sides hold the same: its joint similarity is then that cosine.
        self.of_video = FeatureMemory(capacity, dim[0], t1, t2, weight)
        self.of_audio = FeatureMemory(capacity, dim[1], t1, t2, weight)

    @property
    def video(self) -> Tensor:
        """The video bank [X, Dv]."""
        return self.of_video.video

    @property
    def audio(self) -> Tensor:
        """The audio bank [X, Da]."""
        return self.of_audio.audio

    @property
    def filled(self) -> Tensor:
        """Which slots are filled in both banks: bool [X]."""
        return self.of_video.filled & self.of_audio.filled

    def similarity(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines to every slot, as `FeatureMemory.similarity`: M_v [N, X], M_a [M, X]."""
        return self.of_video.similarity(video, video)[0], self.of_audio.similarity(audio, audio)[0]

    def update(self, video: Tensor, audio: Tensor, s1: Tensor, match: Tensor | None = None) -> None:
        """Remember the pairs of a batch, each half in its own bank."""
        self.of_video.update(video, video, s1, match)
        self.of_audio.update(audio, audio, s1, match)


@torch.no_grad()
def remember_categories(
    memory: FeatureMemory, video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor, s1: Tensor
) -> None:
    """Fill the banks afresh with the mean of each category's pairs that score above T1 (paper, section 3.3; design 5).

    K_v[x] = mean of v and K_a[x] = mean of a over the pairs (v, a) of category x with S1(v, a) > T1. A category without
    such a pair has no slot. It is the paper's rule with its slots told apart by the label, and the weight w of a merge
    falling as 1 / n: with a constant w a slot is the average of its last 1 / w pairs (docs/decisions.md).

    Args:
        memory: of at least as many slots as there are codes that both sides have.
        video: [N, D_v]; audio: [M, D_a].
        video_codes: [N] int64; audio_codes: [M] int64, of the same coding, on the CPU.
        s1: [N, M], scores of all pairs.

    Raises:
        ValueError: too few slots.
    """
    common = sorted(set(video_codes.tolist()) & set(audio_codes.tolist()))
    if len(common) > memory.capacity:
        raise ValueError(f"{len(common)} categories do not fit into {memory.capacity} slots.")
    for bank in (memory.video, memory.audio, memory.used, memory.born):
        bank.zero_()
    slot = 0
    for code in common:
        rows, columns = (video_codes == code).nonzero()[:, 0], (audio_codes == code).nonzero()[:, 0]
        rows, columns = rows.to(s1.device), columns.to(s1.device)
        accepted = (s1[rows][:, columns] > memory.t1).to(video.dtype)
        pairs = accepted.sum()
        if not bool(pairs > 0):
            continue
        memory.video[slot] = accepted.sum(1) @ video[rows] / pairs
        memory.audio[slot] = accepted.sum(0) @ audio[columns] / pairs
        memory.used[slot] = int(pairs)
        memory.born[slot] = slot + 1
        slot += 1


def _cosines(features: Tensor, bank: Tensor) -> Tensor:
    return (_unit(features) @ _unit(bank).T).clamp(-1, 1)


def _unit(features: Tensor) -> Tensor:
    length = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / torch.where(length > 0, length, 1)
