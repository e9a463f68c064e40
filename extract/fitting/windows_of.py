"""Windows of scratch clips as a network sees them: random ones to fit on, all of them in the middle to validate."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..media.sizes import centre_crop
from ..media.windows import windows
from .decoded import ScratchClip


def random_window(
    clip: ScratchClip, stream: str, length: int, crop: int, draw: np.random.Generator, mirror: bool = True
) -> np.ndarray:
    """A random window, randomly cropped, and mirrored every other time if `mirror`: uint8 [length, crop, crop, C].

    A clip shorter than the window is looped. A mirrored flow also runs the other way along x.
    """
    frames = clip.open(stream)
    count, height, width = frames.shape[:3]
    begin = int(draw.integers(0, max(0, count - length) + 1))
    top, left = int(draw.integers(0, height - crop + 1)), int(draw.integers(0, width - crop + 1))
    taken = frames[(begin + np.arange(length)) % count, top : top + crop, left : left + crop]
    return mirrored(taken, stream) if mirror and draw.random() < 0.5 else np.asarray(taken)


def mirrored(window: np.ndarray, stream: str) -> np.ndarray:
    """The mirror image of uint8 [T, H, W, C]; what moved left in flow levels moves right."""
    turned = window[:, :, ::-1].copy()
    if stream == "flow":
        turned[..., 0] = 255 - turned[..., 0]
    return turned


def centre_windows(clip: ScratchClip, stream: str, length: int, crop: int) -> Iterator[np.ndarray]:
    """The clip's windows as extraction cuts them, the middle of each frame: uint8 [length, crop, crop, C]."""
    frames = clip.open(stream)
    for window, _ in windows((centre_crop(frame, crop) for frame in frames), length):
        yield window


def as_batch(taken: list[np.ndarray]) -> Tensor:
    """uint8 [T, H, W, C] each -> float32 [B, C, T, H, W] in [-1, 1], channels last in memory.

    RGB and flow levels scale alike: x / 127.5 - 1.
    """
    stacked = torch.from_numpy(np.stack(taken)).permute(0, 4, 1, 2, 3)
    return (stacked.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last_3d)
