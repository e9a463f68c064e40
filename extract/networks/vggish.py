"""VGGish (Hershey et al., ICASSP 2017): a VGG over 0.96 s of log-mel spectrogram, fitted on YouTube's tags, 128-d.

The names of the parameters are those of harritaylor/torchvggish, whose file `vggish-10086976.pth` holds the original
weights. The embedding is the network's own, without the PCA and the 8-bit rounding of the AudioSet release.
"""

import torch
from torch import Tensor, nn

FEATURES = 128
PATCH, BANDS = 96, 64  # what it sees: frames (0.96 s) and mel bands
LAYERS = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0)  # channels of a convolution; 0 is a pooling


class Vggish(nn.Module):
    """Log-mel patches [B, 96, 64] -> [B, 128], each at least 0."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in LAYERS:
            if width:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * (PATCH // 16) * (BANDS // 16), 4096),
            nn.ReLU(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, FEATURES),
            nn.ReLU(),
        )

    def forward(self, patches: Tensor) -> Tensor:
        x = self.features(patches[:, None])
        # The original's order is time, band, channel.
        y: Tensor = self.embeddings(x.permute(0, 2, 3, 1).flatten(1))
        return y


def vggish() -> Vggish:
    """The architecture, whatever its weights."""
    with torch.random.fork_rng(devices=[]):
        return Vggish().eval()
