"""A memory bank: the remembered items of one modality, and the memory vector of anything that meets them.

The bank holds unmapped, standardised features. The memory vector of x is k(x) = [kappa(x, b_i)] over the remembered b_i
(paper, section 3.3, with kappa the similarity), centred, in the axes of the bank's own centred Gram matrix: kernel
principal components (Schoelkopf et al. 1998). With the linear kernel these are the bank's principal axes themselves.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

KERNELS = ("linear", "rbf", "arc-cosine")
LANDMARKS = 2000
"""Remembered items up to which a kernel meets all of them; of more, so many stand for all (Nystroem)."""
RANK = 1e-12  # axes with less than this share of the largest variance are rounding


@dataclass(frozen=True)
class MemoryVector:
    """x [N, D] -> f(x) [N, d], the axes of a bank. Inputs standardised, float64; nothing of it depends on the batch."""

    kernel: str
    width: float
    landmarks: Tensor
    """[L, D]; for the linear kernel none, [0, D]"""
    offset: Tensor
    """what is subtracted from D columns (linear) or from L similarities"""
    axes: Tensor | None
    """[D or L, d]; None: the D columns as they are"""

    def __call__(self, standardised: Tensor) -> Tensor:
        """[N, D] -> [N, d]."""
        met = standardised
        if self.kernel != "linear":
            met = similarities(standardised, self.landmarks, self.kernel, self.width)
        centred = met - self.offset
        return centred if self.axes is None else centred @ self.axes


def memory_vector(bank: Tensor, kernel: str, width: float) -> MemoryVector:
    """The memory vector of a bank [n, D], float64, at least one item. See `similarities` for kernel and width.

    The axes span what the bank spans: at most n - 1, or `LANDMARKS` of them. Where that is every column, the linear
    kernel takes the columns themselves: all that is asked of memory vectors is the same in other axes of one span.
    """
    if kernel == "linear":
        offset = bank.mean(0)
        centred = bank - offset
        axes = None if _spans_all(centred) else _principal(centred)
        return MemoryVector(kernel, width, bank[:0], offset, axes)
    landmarks = bank if len(bank) <= LANDMARKS else bank[_drawn(bank)]
    met = similarities(bank, landmarks, kernel, width)
    offset = met.mean(0)
    # Nystroem: in the axes of the landmarks' Gram matrix each coordinate is a product in the kernel's own space.
    own = met if landmarks is bank else similarities(landmarks, landmarks, kernel, width)
    values, vectors = torch.linalg.eigh(own)
    kept = values > RANK * values[-1].clamp_min(1e-300)
    root = vectors[:, kept] / values[kept].sqrt()
    return MemoryVector(kernel, width, landmarks, offset, root @ _principal((met - offset) @ root))


def similarities(left: Tensor, right: Tensor, kernel: str, width: float) -> Tensor:
    """kappa of every pair, [N, M] of [N, D] and [M, D].

    "linear": the inner product. "rbf": exp(-width d^2 / (2 D)) with d the distance; standardised vectors are about
    sqrt(2 D) apart, so that kappa is about exp(-width). "arc-cosine": (sin t + (pi - t) cos t) / pi with t the angle,
    the kernel of a layer of infinitely many rectified units (Cho & Saul 2009, order 1, for vectors of length 1).
    """
    if kernel == "linear":
        return left @ right.T
    if kernel == "rbf":
        squares = left.square().sum(1)[:, None] + right.square().sum(1)[None, :] - 2 * left @ right.T
        return torch.exp(-width * squares.clamp_min(0) / (2 * left.shape[1]))
    cosine = (unit(left) @ unit(right).T).clamp(-1, 1)
    angle = torch.arccos(cosine)
    return (angle.sin() + (torch.pi - angle) * cosine) / torch.pi


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1; a row of zeros stays one."""
    length = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / torch.where(length > 0, length, 1)


def _drawn(bank: Tensor) -> Tensor:
    """LANDMARKS rows, those whose sha256 is least: by content, so that the order of the bank does not matter."""
    rows = bank.to(torch.float32).cpu().contiguous().numpy()
    digests = [hashlib.sha256(row.tobytes()).digest() for row in rows]
    return torch.tensor(sorted(range(len(rows)), key=digests.__getitem__)[:LANDMARKS], device=bank.device)


def _spans_all(centred: Tensor) -> bool:
    """Whether the rows [n, D] certainly span all D columns, as the first 2 D of them tell: cheaper than axes."""
    few = centred[: 2 * centred.shape[1]]
    if len(few) <= few.shape[1]:
        return False
    gram = few.T @ few
    lower, failed = torch.linalg.cholesky_ex(gram)
    least, largest = lower.diagonal().square().min(), gram.diagonal().max()
    return not bool(failed) and bool(least > 1e-9 * largest)


def _principal(centred: Tensor) -> Tensor:
    """The principal axes [D, d] of centred rows [n, D], by the smaller of the two products."""
    few = len(centred) < centred.shape[1]
    values, vectors = torch.linalg.eigh(centred @ centred.T if few else centred.T @ centred)
    kept = values > RANK * values[-1].clamp_min(1e-300)
    axes: Tensor = vectors[:, kept]
    return centred.T @ (axes / values[kept].sqrt()) if few else axes
