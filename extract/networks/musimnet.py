"""MuSimNet (Pretet, Richard and Peeters, 2021): a CNN over mel spectrograms, fitted by a triplet loss.

There are no published weights; this network is small enough to be fitted on a train split in minutes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 512
PATCH = 128  # frames that it is fitted on and sees: 1.28 s
WIDTHS = (32, 64, 128, 256, 256)


class MusimNet(nn.Module):
    """Patches [B, T, 80] -> [B, 512], each of length sqrt(512), so that a column has about the size 1."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.blocks = nn.Sequential(*layers)
        self.embedding = nn.Linear(2 * WIDTHS[-1], FEATURES)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.blocks(patches[:, None])
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        y: Tensor = F.normalize(self.embedding(pooled), dim=1) * FEATURES**0.5
        return y


def musimnet() -> MusimNet:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return MusimNet().eval()
