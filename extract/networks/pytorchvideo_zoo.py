"""Single-stream networks of pytorchvideo's model zoo (Kinetics-400), their classifiers left out.

Only the architectures are taken from pytorchvideo. Its hub would download, and its transforms do not import beside a
current torchvision; neither is used.
"""

import importlib
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fmn.errors import InputError
from fmn.install import hint

from ..encoders.backbone import load_state
from .torchvision_import import import_torchvision

DIM = 2048
ORIGIN = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"


class ZooNetwork(nn.Module):
    """Clips [B, 3, T, H, W], normalised -> [B, 2048]: what the classifier of the network sees, averaged.

    The parameters have the published names (`blocks.0.conv.weight` ...).
    """

    def __init__(self, blocks: nn.ModuleList) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, clips: Tensor) -> Tensor:
        x = clips
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=(2, 3, 4))


class X3dEnd(nn.Module):
    """The convolutions of X3D's head, around an average over whatever is there."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.pool = head.pool
        self.pool.pool = nn.AdaptiveAvgPool3d(1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(x)
        return y


def zoo_network(name: str) -> ZooNetwork:
    """The architecture of i3d_r50, slow_r50, c2d_r50, r2plus1d_r50 or x3d_m, whatever its weights.

    Raises InputError where pytorchvideo or a torchvision that can be imported is missing.
    """
    import_torchvision()
    family = {"x3d_m": "x3d", "r2plus1d_r50": "r2plus1d"}.get(name, "resnet")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its layers are compiled in a way that torch gives up
            builder = getattr(importlib.import_module(f"pytorchvideo.models.hub.{family}"), name)
    except ImportError as error:
        raise InputError(f"The encoder {name} needs pytorchvideo ({error}): install it with {hint('zoo')}.") from None
    with torch.random.fork_rng(devices=[]):  # its own initialisation must not move the caller's generator
        *blocks, head = builder(pretrained=False).blocks
    return ZooNetwork(nn.ModuleList([*blocks, X3dEnd(head)] if name == "x3d_m" else blocks)).eval()


def load_zoo_network(path: Path, name: str) -> ZooNetwork:
    """The network with the weights of a published .pyth (or .pt, .safetensors), strictly; else InputError."""
    network = zoo_network(name)
    blocks = len(network.blocks)
    head = (f"blocks.{blocks - 1}.proj.",) if name == "x3d_m" else (f"blocks.{blocks}.proj.",)
    load_state(network, path, name, head)
    return network.eval()
