"""Inception-v1 I3D, the two-stream video network of Carreira & Zisserman, "Quo Vadis, Action Recognition?" (CVPR 2017).

Module names follow the published PyTorch conversion of the Kinetics checkpoints, so that its state dicts load strictly.
"""

from collections.abc import Iterable
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fmn.errors import InputError

from .untrained import draw_weights, set_norms

Size3 = tuple[int, int, int]  # time, height, width

FEATURES = 1024
CHANNELS = {"rgb": 3, "flow": 2}  # stream -> channels of its clips

# Output channels of an inception block: 1x1x1 | 1x1x1 -> 3x3x3 | 1x1x1 -> 3x3x3 | max-pool -> 1x1x1
MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros (before, after) one axis under TensorFlow's 'SAME' rule: ceil(size / stride) outputs, the odd zero last."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: Tensor, kernel: Size3, stride: Size3) -> Tensor:
    """Pad [B, C, T, H, W] with zeros for a 'SAME' convolution or pooling."""
    pads: list[int] = []
    for axis in (2, 1, 0):  # F.pad takes the last axis first
        pads.extend(same_padding(x.shape[2 + axis], kernel[axis], stride[axis]))
    return F.pad(x, pads) if any(pads) else x


class ConvUnit(nn.Module):
    """'SAME' convolution, batch norm, ReLU: [B, C, T, H, W] -> [B, outputs, ceil(T/s), ceil(H/s), ceil(W/s)]."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.kernel: Size3 = (kernel, kernel, kernel)
        self.stride: Size3 = (stride, stride, stride)
        self.conv3d = nn.Conv3d(inputs, outputs, self.kernel, self.stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.conv3d(pad_same(x, self.kernel, self.stride)))
        return F.relu(y)


class MaxPool(nn.Module):
    """'SAME' max-pool. The zeros are harmless: every pool of the network reads the output of a ReLU."""

    def __init__(self, kernel: Size3, stride: Size3) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(pad_same(x, self.kernel, self.stride), self.kernel, self.stride)


class Mixed(nn.Module):
    """Inception block: four branches side by side, concatenated over channels."""

    def __init__(self, inputs: int, channels: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        c0, c1a, c1b, c2a, c2b, c3b = channels
        self.b0 = ConvUnit(inputs, c0)
        self.b1a = ConvUnit(inputs, c1a)
        self.b1b = ConvUnit(c1a, c1b, kernel=3)
        self.b2a = ConvUnit(inputs, c2a)
        self.b2b = ConvUnit(c2a, c2b, kernel=3)
        self.b3a = MaxPool((3, 3, 3), (1, 1, 1))
        self.b3b = ConvUnit(inputs, c3b)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


class Logits(nn.Module):
    """The classifier's 1x1x1 convolution, the only one with a bias and without batch norm."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(FEATURES, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv3d(x)
        return y


def check_clip(clip: Tensor, in_channels: int) -> None:
    """InputError unless `clip` is a non-empty [B, in_channels, T, H, W]."""
    if clip.ndim != 5 or clip.shape[1] != in_channels or 0 in clip.shape:
        raise InputError(
            f"A clip must be a non-empty [batch, {in_channels} channels, time, height, width] tensor for this network, "
            f"not {list(clip.shape)}: give RGB clips to the 3-channel and flow clips to the 2-channel one."
        )


class InceptionI3d(nn.Module):
    """I3D over clips [B, in_channels, T, H, W] with values in [-1, 1]; 3 channels (RGB) or 2 (flow x, y).

    Any T, H, W >= 1 runs; the published weights were trained on 64 frames of 224 x 224 at 25 fps.
    12,697,264 parameters with 3 channels and 400 classes, 12,675,312 with 2.
    """

    def __init__(self, in_channels: int = 3, num_classes: int = 400, dropout: float = 0.5) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        trunk: list[tuple[str, nn.Module]] = [
            ("Conv3d_1a_7x7", ConvUnit(in_channels, 64, kernel=7, stride=2)),
            ("MaxPool3d_2a_3x3", MaxPool((1, 3, 3), (1, 2, 2))),
            ("Conv3d_2b_1x1", ConvUnit(64, 64)),
            ("Conv3d_2c_3x3", ConvUnit(64, 192, kernel=3)),
            ("MaxPool3d_3a_3x3", MaxPool((1, 3, 3), (1, 2, 2))),
        ]
        width = 192
        for name, channels in MIXED.items():
            if name == "Mixed_4b":
                trunk.append(("MaxPool3d_4a_3x3", MaxPool((3, 3, 3), (2, 2, 2))))
            if name == "Mixed_5b":
                trunk.append(("MaxPool3d_5a_2x2", MaxPool((2, 2, 2), (2, 2, 2))))
            trunk.append((name, Mixed(width, channels)))
            c0, _, c1b, _, c2b, c3b = channels
            width = c0 + c1b + c2b + c3b
        for name, module in trunk:
            self.add_module(name, module)
        self.trunk = tuple(name for name, _ in trunk)
        self.dropout = nn.Dropout(dropout)
        self.logits = Logits(num_classes)

    def feature_map(self, clip: Tensor, entry: str = "") -> Tensor:
        """[B, in_channels, T, H, W] in [-1, 1] -> [B, 1024, ceil(T/8), ceil(H/32), ceil(W/32)], the output of Mixed_5c.

        With an `entry`, the name of a stage of the trunk, `clip` is what goes into that stage.
        Raises InputError when the clip is not five-dimensional or has another number of channels.
        """
        if not entry:
            check_clip(clip, self.in_channels)
        x = clip
        for name in self.trunk[self.trunk.index(entry) if entry else 0 :]:
            x = self.get_submodule(name)(x)
        return x

    def features(self, clip: Tensor, entry: str = "") -> Tensor:
        """[B, in_channels, T, H, W] in [-1, 1] -> [B, 1024]: the average of Mixed_5c over time and space."""
        return self.feature_map(clip, entry).mean(dim=(2, 3, 4))

    def forward(self, clip: Tensor, entry: str = "") -> Tensor:
        """[B, in_channels, T, H, W] in [-1, 1] -> logits [B, num_classes]; `entry` as in `feature_map`.

        The published head: 2 x 7 x 7 average pool of stride 1 (cut to the map where the map is smaller), dropout,
        1x1x1 convolution, mean over time (and over space where frames exceed 224).
        """
        x = self.feature_map(clip, entry)
        window = [min(size, full) for size, full in zip(x.shape[2:], (2, 7, 7), strict=True)]
        x = F.avg_pool3d(x, window, stride=1)
        y: Tensor = self.logits(self.dropout(x))
        return y.mean(dim=(2, 3, 4))


def untrained_i3d(in_channels: int, seed: int, num_classes: int = 400) -> InceptionI3d:
    """An untrained network in eval mode: weights drawn from `seed` alone (`draw_weights`), identity batch norms."""
    with torch.random.fork_rng(devices=[]):  # the constructor's own initialisation must not move the caller's generator
        network = InceptionI3d(in_channels, num_classes)
    return draw_weights(network, seed)


def random_stream(stream: str, seed: int, num_classes: int) -> InceptionI3d:
    """The untrained network of a stream; both streams of a seed have weights of their own."""
    return untrained_i3d(CHANNELS[stream], 2 * seed + (stream == "flow"), num_classes)


def calibrate(network: InceptionI3d, windows: Iterable[Tensor]) -> InceptionI3d:
    """Set the batch norms' running statistics from `windows`, each [B, C, T, H, W] in [-1, 1]; see `set_norms`.

    With one clip a batch an untrained network's deep features come out a hundred times too large.
    Raises InputError when there is no window, or one so small that Mixed_5c has one position to take a variance of.
    """
    set_norms(network, map(_with_positions, windows), network.features)
    return network


def _with_positions(window: Tensor) -> Tensor:
    shape = list(window.shape)
    axes = zip(shape[2:], (8, 32, 32), strict=False)  # a wrong number of axes is features()'s to refuse
    if shape[0] * prod(-(-size // step) for size, step in axes) == 1:
        raise InputError(
            f"Calibration needs windows with two or more positions after Mixed_5c, and {shape} has one: "
            "use more than 8 frames, more than 32 pixels a side, or several clips a batch."
        )
    return window
