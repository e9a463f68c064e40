"""Standardising: zero mean and unit deviation over the vectors that were fitted on."""

import torch
from torch import Tensor, nn


class Standardiser(nn.Module):
    """x -> (x - mean) * scale, a column at a time; until `fit` it changes nothing.

    Pooled network features share a large common offset, without which every cosine would be nearly 1.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Take mean and deviation from [N, D]. Constant columns become 0."""
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        floor = 1e-6 * deviation.max().clamp_min(1e-12)
        scale = torch.where(deviation > floor, 1.0 / deviation.clamp_min(1e-30), torch.zeros_like(deviation))
        self.scale.copy_(scale)

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] -> [N, D]."""
        return (features - self.mean) * self.scale
