"""The gated unit: a matrix, and a gate on each of its outputs."""

import torch
from torch import Tensor, nn


class Gated(nn.Module):
    """x -> y * sigmoid(G y + b) with y = W x + c: the gated unit of Miech et al. 2018, which AVLnet ends in."""

    def __init__(self, dim: int, common: int) -> None:
        super().__init__()
        self.lead = nn.Linear(dim, common)
        self.gate = nn.Linear(common, common)

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] -> [N, common]."""
        led: Tensor = self.lead(features)
        return led * torch.sigmoid(self.gate(led))
