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


def scores(
    s1: Tensor,
    m_video: Tensor,
    m_audio: Tensor,
    enrolled: Tensor,
    *,
    beta: Tensor,
    temperature: float | None,
    unlike: float,
) -> Tensor:
    """S [N, M] by eq. 3, also where slots hold categories that were enrolled without training.

    The head never saw an enrolled category and rejects it, so where Max comes from an enrolled slot S1 counts as 1:
    S1 + (1 - S1) * share, with the soft maximum and beta = 1 the same as S1 * (Max of old slots) + (Max of new).

    Args:
        s1: S1 [N, M].
        m_video, m_audio: similarities with the filled slots, one or more: M_v [N, x] and M_a [M, x].
        enrolled: which of those slots are enrolled, bool [x].
        beta: the exponent.
        temperature: of the soft maximum; None: the hard one.
        unlike: T2, below which a similarity is none.
    """
    if bool(enrolled.all()):
        # Alone, an enrolled slot would be the nearest one of everything: a column for "none of these" stands beside it.
        none = min(1.0, unlike)
        m_video, m_audio = (torch.cat([m, m.new_full((len(m), 1), none)], dim=1) for m in (m_video, m_audio))
        enrolled = torch.cat([enrolled, enrolled.new_zeros(1)])
    whole = largest_meeting(m_video, m_audio, temperature)
    if not bool(enrolled.any()):
        return eq3(s1, whole, beta)
    if temperature is not None:
        left = torch.softmax(m_video / temperature, -1)[:, enrolled]
        share = left @ torch.softmax(m_audio / temperature, -1)[:, enrolled].T / whole.clamp_min(1e-30)
    else:
        share = (largest_meeting(m_video[:, enrolled], m_audio[:, enrolled], None) >= whole).to(whole)
    return eq3(s1 + (1 - s1) * share, whole, beta)
