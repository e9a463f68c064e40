"""The gallery in the memory: what is indexed is remembered too, unlabelled, before any query is asked.

An item of the gallery counts for every category by its own posterior r = softmax(M / T), times a weight below that of a
labelled item; slots and metric are written again, once. It adds nothing to a category of which nothing is remembered.
A gallery item would be nearest to itself, so it is read by a memory that absorbed only what lies in the other folds
(without folds the ranking gets worse, not better).
"""

import hashlib

import torch
from torch import Tensor

from .readout import Readout, write


def read_gallery(
    remembered: Tensor,
    shares: Tensor,
    plain: Readout,
    gallery: Tensor,
    folds: Tensor,
    *,
    weight: float,
    temperature: float,
    shrinkage: float,
) -> Tensor:
    """M [G, C] of a gallery that the memory has absorbed.

    Args:
        remembered: memory vectors of what is known [n, d].
        shares: of those, [n, C].
        plain: the read-out of what is known alone.
        gallery: memory vectors [G, d].
        folds: which fold an item lies in, int64 [G] (`fold_of`).
        weight: of a gallery item beside a remembered one, above 0.
        temperature: T of the posterior, above 0.
        shrinkage: as in `readout.write`.
    """
    posterior = weight * torch.softmax(plain.similarities(gallery) / temperature, dim=-1) * plain.filled
    found = torch.empty(len(gallery), shares.shape[1], dtype=gallery.dtype, device=gallery.device)
    for fold in sorted(set(folds.tolist())):
        inside = folds == fold
        vectors = torch.cat([remembered, gallery[~inside]])
        found[inside] = write(vectors, torch.cat([shares, posterior[~inside]]), shrinkage).similarities(gallery[inside])
    return found


def fold_of(features: Tensor, folds: int) -> Tensor:
    """The fold of each item, int64 [N] in [0, folds), by the sha256 of its features [N, D] as cached (float32).

    By content, so that neither names nor order matter, and copies of an item lie in one fold.
    """
    rows = features.to(torch.float32).cpu().contiguous().numpy()
    numbers = [int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:8], "big") % folds for row in rows]
    return torch.tensor(numbers, dtype=torch.int64, device=features.device)
