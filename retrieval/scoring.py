"""Eq. 3 of the paper, S = S1 * Max^beta: what the memory makes of the fusion head's S1.

The paper prints beta = -1. Max is the best meeting of a clip and a recording in one slot, M_v[x] * M_a[x].
"""

import torch
from torch import Tensor

TINY = 1e-6  # floor of Max before the power: the product of two cosines may be zero or negative


def eq3(s1: Tensor, largest: Tensor, beta: Tensor) -> Tensor:
    """S = S1 * Max^beta, [N, M], with Max as `largest`."""
    return s1 * largest.clamp_min(TINY).pow(beta)


def largest_meeting(m_video: Tensor, m_audio: Tensor, temperature: float | None) -> Tensor:
    """Max of eq. 3 over the given slots, [N, M]: max_x of M_v[x] * M_a[x] from M_v [N, x] and M_a [M, x].

    temperature: of the soft maximum, the inner product of both sides' softmaxes over the slots; None: the hard one.
    """
    if temperature is not None:
        return torch.softmax(m_video / temperature, -1) @ torch.softmax(m_audio / temperature, -1).T
    best = m_video.new_full((len(m_video), len(m_audio)), -1.0)
    for slot in range(m_video.shape[1]):  # X is small; [N, M, X] at once would not fit for large galleries
        best = torch.maximum(best, m_video[:, slot, None] * m_audio[None, :, slot])
    return best
