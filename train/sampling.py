"""Which pairs a training step sees: every video of the part once an epoch, each with a matching utterance by lot."""

from collections.abc import Iterator

import torch
from torch import Tensor


def matching_batches(
    video_codes: Tensor, audio_codes: Tensor, batch: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of matched pairs.

    Args:
        video_codes: [N] int64, what each video shows (its label, or its pair).
        audio_codes: [M] int64 of the same coding.
        batch: pairs a step; the last step of an epoch may be smaller.
        generator: CPU generator, the only source of chance here.

    Yields:
        (video indices [B], audio indices [B]): pair i of a batch matches. The other B * B - B pairs of the batch
        are to be used as well (they match where their codes are equal). The longer side is walked through once;
        items of the shorter side come back by lot, items without any match never come.
    """
    partners: dict[int, list[int]] = {}
    swap = len(audio_codes) > len(video_codes)
    walked, drawn = (audio_codes, video_codes) if swap else (video_codes, audio_codes)
    for index, code in enumerate(drawn.tolist()):
        partners.setdefault(code, []).append(index)
    codes = walked.tolist()
    order = [i for i in torch.randperm(len(codes), generator=generator).tolist() if codes[i] in partners]
    lots = torch.rand(len(order), generator=generator).tolist()
    chosen = [partners[codes[i]][int(lot * len(partners[codes[i]]))] for i, lot in zip(order, lots, strict=True)]
    for start in range(0, len(order), batch):
        first = torch.tensor(order[start : start + batch])
        second = torch.tensor(chosen[start : start + batch])
        yield (second, first) if swap else (first, second)
