"""How long a descent may last in a comparison: every system takes as many steps, and waits as long for a better one."""

import math

from .data import TrainingSet

STEPS = 800
"""Steps of a descent, of 64 pairs (FMN) or 128 (AVLnet, VM-Net and its kin); deep CCA takes a quarter, of 1,024."""


def passes(data: TrainingSet, batch: int, steps: int = STEPS, least: int = 30) -> tuple[int, int]:
    """Epochs of `batch` pairs that make about `steps` steps, `least` at least, and a patience of a third of them.

    A set of few items makes one step an epoch, and a number of epochs that suits a large one would not fit it.
    """
    longer = max(len(data.fit_video.ids), len(data.fit_audio.ids))
    epochs = max(least, math.ceil(steps / math.ceil(longer / batch)))
    return epochs, math.ceil(epochs / 3)
