"""The gallery in the memory: what is indexed is remembered too, unlabelled, before any query is asked.

An item of the gallery counts for every category by its own posterior r = softmax(M / T), times a weight below that of a
labelled item; slots and metric are written again, once. It adds nothing to a category of which nothing is remembered.
A gallery item would be nearest to itself, so it is read by a memory that absorbed only what lies in the other folds
(without folds the ranking gets worse, not better).
"""

import hashlib

import torch
from torch import Tensor

from .moments import Moments, moments, together
from .readout import Readout, write


def read_gallery(
    known: Moments,
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
        known: the moments of what is remembered.
        plain: the read-out of what is remembered alone.
        gallery: memory vectors [G, d].
        folds: which fold an item lies in, int64 [G] (`fold_of`); an item of fold -1 is read and not absorbed.
        weight: of a gallery item beside a remembered one, above 0.
        temperature: T of the posterior, above 0.
        shrinkage: as in `readout.write`.
    """
    posterior = weight * torch.softmax(plain.similarities(gallery) / temperature, dim=-1) * plain.filled
    numbers = sorted(set(folds.tolist()))
    absorbed = {n: moments(gallery[folds == n], posterior[folds == n]) for n in numbers if n >= 0}
    found = torch.empty(len(gallery), len(plain.filled), dtype=gallery.dtype, device=gallery.device)
    for number in numbers:
        others = [absorbed[other] for other in absorbed if other != number]
        inside = folds == number
        found[inside] = write(together([known, *others]), shrinkage).similarities(gallery[inside])
    return found


def fold_of(features: Tensor, folds: int) -> Tensor:
    """The fold of each item, int64 [N] in [0, folds), by the sha256 of its features [N, D] as cached (float32).

    By content, so that neither names nor order matter, and copies of an item lie in one fold.
    """
    rows = features.to(torch.float32).cpu().contiguous().numpy()
    numbers = [int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:8], "big") % folds for row in rows]
    return torch.tensor(numbers, dtype=torch.int64, device=features.device)
