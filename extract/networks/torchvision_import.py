"""Making `import torchvision` work beside a torch that its compiled part was not built for.

pytorchvideo's models import torchvision. The wheel of torchvision on PyPI for Linux is linked with CUDA's libraries;
beside a CPU build of torch its compiled operators cannot be loaded, and importing it then fails, because it registers
shape functions for two operators that are not there. Nothing that is used here calls these operators: it is enough
that their names exist, so they are declared - only where they are missing.
"""

import importlib
import sys

import torch

from fmn.errors import InputError
from fmn.install import hint

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # the declarations live as long as this does


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
