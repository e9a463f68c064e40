"""C3D (Tran et al., ICCV 2015): eight 3 x 3 x 3 convolutions over 16 frames of 112 x 112; its features are fc6's.

The names of the parameters are those of DavideA/c3d-pytorch, whose file `c3d.pickle` holds the original Sports-1M
weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fmn.errors import InputError

FEATURES = 4096
WINDOW = 16
SIDE = 112
WIDTHS = {
    "conv1": (3, 64),
    "conv2": (64, 128),
    "conv3a": (128, 256),
    "conv3b": (256, 256),
    "conv4a": (256, 512),
    "conv4b": (512, 512),
    "conv5a": (512, 512),
    "conv5b": (512, 512),
}
POOLED = ("conv1", "conv2", "conv3b", "conv4b", "conv5b")  # a pooling follows


class C3d(nn.Module):
    """Clips [B, 3, 16, 112, 112], RGB from 0 to 255 -> [B, 4096], fc6 after its ReLU."""

    def __init__(self) -> None:
        super().__init__()
        for name, (before, after) in WIDTHS.items():
            self.add_module(name, nn.Conv3d(before, after, 3, padding=1))
        self.fc6 = nn.Linear(WIDTHS["conv5b"][1] * 4 * 4, FEATURES)

    def forward(self, clips: Tensor) -> Tensor:
        if tuple(clips.shape[1:]) != (3, WINDOW, SIDE, SIDE):
            raise InputError(
                f"C3D sees clips [B, 3, {WINDOW}, {SIDE}, {SIDE}] and none of another size, not {list(clips.shape)}."
            )
        x = clips
        for name in WIDTHS:
            x = F.relu(self.get_submodule(name)(x))
            if name in POOLED:
                time = 1 if name == "conv1" else 2
                edge = (0, 1, 1) if name == "conv5b" else 0
                x = F.max_pool3d(x, (time, 2, 2), (time, 2, 2), padding=edge)
        return F.relu(self.fc6(x.flatten(1)))


def c3d() -> C3d:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return C3d().eval()
