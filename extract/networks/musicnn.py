"""MusiCNN (Pons and Serra, ISMIR 2019): vertical and horizontal filters over mel spectra, a dense middle, pooling.

The network of the published package `musicnn`, whose weights (MTT_musicnn) are fitted on MagnaTagATune.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH, BANDS = 187, 96  # what it sees: frames (3 s) and mel bands
TIMBRAL, TEMPORAL, MIDDLE, UNITS, TAGS = 204, 51, 64, 200, 50
POOLED = 2 * TIMBRAL + 3 * TEMPORAL + 3 * MIDDLE  # 753 channels are pooled, each by its mean and by its maximum
FEATURES = 2 * POOLED
EPSILON = 1e-3  # of TensorFlow's batch norm


class Filters(nn.Module):
    """A convolution over [B, 1, T, bands], ReLU, batch norm, and the maximum over what is left of the bands."""

    def __init__(self, channels: int, time: int, bands: int) -> None:
        super().__init__()
        self.time = time
        self.conv = nn.Conv2d(1, channels, (time, bands))
        self.norm = nn.BatchNorm2d(channels, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        before = (self.time - 1) // 2  # TensorFlow's SAME: an odd zero goes to the end
        x = F.pad(x, (0, 0, before, self.time - 1 - before))
        return torch.amax(self.norm(F.relu(self.conv(x))), dim=3)


class Middle(nn.Module):
    """A convolution of 7 frames over all channels, ReLU, batch norm: [B, C, T] -> [B, 64, T]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, MIDDLE, 7, padding=3)
        self.norm = nn.BatchNorm1d(MIDDLE, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(F.relu(self.conv(x)))
        return y


class MusiCnn(nn.Module):
    """log10(10000 mel power + 1) patches [B, T, 96] -> features [B, 1506]; `tags` gives what it was fitted to say."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, eps=EPSILON)
        timbral = [Filters(TIMBRAL, 7, int(share * BANDS)) for share in (0.4, 0.7)]
        self.front = nn.ModuleList([*timbral, *(Filters(TEMPORAL, time, 1) for time in (128, 64, 32))])
        self.middle = nn.ModuleList(Middle(width) for width in (2 * TIMBRAL + 3 * TEMPORAL, MIDDLE, MIDDLE))
        self.pool_norm = nn.BatchNorm1d(FEATURES, eps=EPSILON)
        self.dense = nn.Linear(FEATURES, UNITS)
        self.dense_norm = nn.BatchNorm1d(UNITS, eps=EPSILON)
        self.output = nn.Linear(UNITS, TAGS)

    def pooled(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, 96] -> mean and maximum over time of all 753 channels, each [B, 753]."""
        x = self.norm(patches[:, None])
        front = torch.cat([block(x) for block in self.front], dim=1)
        first = self.middle[0](front)
        second = self.middle[1](first) + first
        third = self.middle[2](second) + second
        every = torch.cat([front, first, second, third], dim=1)
        return every.mean(dim=2), every.amax(dim=2)

    def forward(self, patches: Tensor) -> Tensor:
        """[B, T, 96] -> [B, 1506]: the package's `mean_pool`, then its `max_pool`."""
        return torch.cat(self.pooled(patches), dim=1)

    def penultimate(self, patches: Tensor) -> Tensor:
        """[B, T, 96] -> [B, 200], the package's `penultimate`."""
        mean, most = self.pooled(patches)
        # The package's flattening puts each channel's maximum beside its mean.
        flat = torch.stack([most, mean], dim=2).flatten(1)
        y: Tensor = self.dense_norm(F.relu(self.dense(self.pool_norm(flat))))
        return y

    def tags(self, patches: Tensor) -> Tensor:
        """[B, T, 96] -> [B, 50], the likelihood of each tag of MagnaTagATune."""
        return torch.sigmoid(self.output(self.penultimate(patches)))


def musicnn() -> MusiCnn:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return MusiCnn().eval()
