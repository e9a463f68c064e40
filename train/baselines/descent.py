"""Fitting two towers by gradient descent, as the FMN is: matched batches, Adam, the epoch that validates best; and how
long a descent may last in a comparison, where every system takes as many steps."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from fmn.errors import InputError
from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet, matching_batches, validation_map
from .folding import towers_for

STEPS = 800
"""Steps of a descent, of 64 pairs (FMN) or 128 (AVLnet, VM-Net and its kin); deep CCA takes a quarter, of 1,024."""

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(video [B, common], audio [B, common], video codes [B], audio codes [B]) -> scalar. The vectors are what the towers
give, before they are brought to unit length; row i of both is a matched pair."""
Ready = Callable[[TwoTowers], TwoTowers]
"""Towers in eval() -> the towers that are used, a copy: what has to follow a descent whose loss does not see it."""

Structure = Callable[[Tensor, Tensor], Tensor]
"""(standardised inputs of one modality [B, D], its tower's outputs [B, common], not unit length) -> scalar."""


def new_towers(
    data: TrainingSet, seed: int, kind: str, common: int, hidden: int = 0, dropout: float = 0.0
) -> TwoTowers:
    """Towers to descend from, with initial weights drawn by the seed. See `towers_for`."""
    torch.manual_seed(seed)
    return towers_for(data, kind, common, hidden=hidden, dropout=dropout)


def passes(data: TrainingSet, batch: int, steps: int = STEPS, least: int = 30) -> tuple[int, int]:
    """Epochs of `batch` pairs that make about `steps` steps, `least` at least, and a patience of a third of them.

    A set of few items makes one step an epoch, and a number of epochs that suits a large one would not fit it.
    """
    longer = max(len(data.fit_video.ids), len(data.fit_audio.ids))
    epochs = max(least, math.ceil(steps / math.ceil(longer / batch)))
    return epochs, math.ceil(epochs / 3)


def descend(
    towers: TwoTowers,
    data: TrainingSet,
    loss: Loss,
    *,
    structure: Structure | None = None,
    seed: int,
    steps: int,
    batch: int,
    learning_rate: float,
    weight_decay: float = 1e-4,
    ready: Ready | None = None,
    exactly: int = 0,
) -> TwoTowers:
    """Fit `towers` in place and return them, in eval(), as they were after the epoch with the best validation mAP.

    Args:
        towers: initialised under `torch.manual_seed(seed)` by the caller, on the device of the data, their
            standardisers fitted.
        data: the train split.
        loss: of one batch.
        structure: what is added to the loss for each modality by itself, if anything.
        seed: of the batches and of dropout.
        steps: at most about so many; `passes` makes epochs of them, and says how many without a better validation mAP
            end the fitting. Without a validation part all are done and the last epoch is kept.
        batch: matched pairs a step.
        learning_rate, weight_decay: of Adam.
        ready: where given, what it makes of the towers is validated and returned in their place.
        exactly: so many epochs in place of `steps`, and the last one is kept; 0: `steps` decides.

    Raises:
        InputError: the loss is no longer a number.
    """
    epochs, patience = (exactly, exactly) if exactly else passes(data, batch, steps)
    choosing = data.has_validation and not exactly
    video, audio = data.fit_video, data.fit_audio
    device = video.features.device
    standard_video, standard_audio = towers.standard_video(video.features), towers.standard_audio(audio.features)
    optimizer = torch.optim.Adam(towers.parameters(), lr=learning_rate, weight_decay=weight_decay, foreach=True)
    best, best_map, best_epoch = copy.deepcopy(towers.state_dict()), -1.0, 0
    for epoch in range(1, epochs + 1):
        torch.manual_seed(seed * 1_000_003 + epoch)
        lots = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        towers.train()
        for rows, columns in matching_batches(video.codes, audio.codes, batch, lots):
            given = standard_video[rows.to(device)], standard_audio[columns.to(device)]
            mapped = towers.video(given[0]), towers.audio(given[1])
            value = loss(*mapped, video.codes[rows].to(device), audio.codes[columns].to(device))
            if structure is not None:
                value = value + structure(given[0], mapped[0]) + structure(given[1], mapped[1])
            if not bool(torch.isfinite(value)):
                raise InputError(
                    f"The loss is no longer a number in epoch {epoch}. Fit again with a smaller learning rate."
                )
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(value)
            optimizer.step()
        if not choosing:
            best, best_epoch = towers.state_dict(), epoch
            continue
        found = validation_map(ready(towers.eval()) if ready else towers, data)
        if found > best_map:
            best, best_map, best_epoch = copy.deepcopy(towers.state_dict()), found, epoch
        elif epoch - best_epoch >= patience:
            break
    towers.load_state_dict(best)
    done = ready(towers.eval()) if ready else towers.eval()
    done.epochs = best_epoch
    return done
