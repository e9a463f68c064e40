"""Single-stream networks of pytorchvideo's model zoo (Kinetics-400), their classifiers left out.

Only the architectures are taken from pytorchvideo. Its hub would download, and its transforms do not import beside a
current torchvision; neither is used.

Its models import torchvision, though, and the wheel of torchvision on PyPI for Linux is linked with CUDA's libraries:
beside a CPU build of torch its compiled operators cannot be loaded, and importing it fails, because it registers shape
functions for two operators that are not there. Nothing that is used here calls them: it is enough that their names
exist, so they are declared - only where they are missing.
"""

import importlib
import sys
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from fmn.errors import InputError
from fmn.install import hint

DIM = 2048
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # the declarations live as long as this does


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


def import_torchvision() -> None:
    """Import torchvision, or raise an InputError that says how to get it."""
    if "torchvision" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
        return
    except ModuleNotFoundError as error:
        raise InputError(_wanted(error)) from None
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    _forget()
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)  # type: ignore[no-untyped-call]
    _declared.append(library)
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        _forget()
        raise InputError(_wanted(error)) from None


def _wanted(error: Exception) -> str:
    return (
        f"This encoder needs pytorchvideo and a torchvision that fits torch {torch.__version__} ({error}): install "
        f"them with {hint('zoo')}."
    )


def _forget() -> None:
    """Drop what a failed import left behind, so that it can be tried again."""
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
