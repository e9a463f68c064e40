"""One slot a category: each is the average of all its remembered pairs, not of the last few."""

import torch
from torch import Tensor

from .memory import FeatureMemory


@torch.no_grad()
def remember_categories(
    memory: FeatureMemory, video: Tensor, audio: Tensor, video_codes: Tensor, audio_codes: Tensor, s1: Tensor
) -> None:
    """Fill the banks afresh with the mean of each category's pairs that score above T1 (paper, section 3.3; design 5).

    K_v[x] = mean of v and K_a[x] = mean of a over the pairs (v, a) of category x with S1(v, a) > T1. A category without such a
    pair has no slot. It is the paper's rule with its slots told apart by the label, and the weight w of a merge falling
    as 1 / n: with a constant w a slot is the average of its last 1 / w pairs (docs/decisions.md).

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
