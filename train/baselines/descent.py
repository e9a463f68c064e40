"""Fitting two towers by gradient descent, as the FMN is: matched batches, Adam, the epoch that validates best."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from fmn.errors import InputError
from fmn.retrieval.towers import TowersConfig, TwoTowers

from ..budget import passes
from ..data import TrainingSet
from ..sampling import matching_batches
from ..validation import validation_map

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
    """Towers for the columns of `data`, on its device, with initial weights drawn by the seed. See `TowersConfig`."""
    video, audio = data.fit_video.features, data.fit_audio.features
    config = TowersConfig(kind, video.shape[1], audio.shape[1], common, hidden, dropout=dropout)
    torch.manual_seed(seed)
    return TwoTowers(config).to(video.device)


def descend(
    towers: TwoTowers,
    data: TrainingSet,
    loss: Loss,
    *,
    structure: Structure | None = None,
    seed: int,
    steps: int,
    batch: int,
    rate: float,
    decay: float = 1e-4,
    ready: Ready | None = None,
) -> TwoTowers:
    """Fit `towers` in place and return them, in eval(), as they were after the epoch with the best validation mAP.

    Args:
        towers: initialised under `torch.manual_seed(seed)` by the caller, on the device of the data; the standardisers
            are fitted here.
        data: the train split.
        loss: of one batch.
        structure: what is added to the loss for each modality by itself, if anything.
        seed: of the batches and of dropout.
        steps: at most about so many; `fmn.train.budget.passes` makes epochs of them, and says how many without a better
            validation mAP end the fitting. Without a validation part all are done and the last epoch is kept.
        batch: matched pairs a step.
        rate, decay: of Adam.
        ready: where given, what it makes of the towers is validated and returned in their place.

    Raises:
        InputError: the loss is no longer a number.
    """
    epochs, patience = passes(data, batch, steps)
    video, audio = data.fit_video, data.fit_audio
    towers.standard_video.fit(video.features)
    towers.standard_audio.fit(audio.features)
    device = video.features.device
    standard_video, standard_audio = towers.standard_video(video.features), towers.standard_audio(audio.features)
    optimizer = torch.optim.Adam(towers.parameters(), lr=rate, weight_decay=decay, foreach=True)
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
                raise InputError(f"The loss is no longer a number in epoch {epoch}. Fit again with a smaller rate.")
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(value)
            optimizer.step()
        if not data.has_validation:
            best = towers.state_dict()
            continue
        found = validation_map(ready(towers.eval()) if ready else towers, data)
        if found > best_map:
            best, best_map, best_epoch = copy.deepcopy(towers.state_dict()), found, epoch
        elif epoch - best_epoch >= patience:
            break
    towers.load_state_dict(best)
    return ready(towers.eval()) if ready else towers.eval()
