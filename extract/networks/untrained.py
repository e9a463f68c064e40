"""Networks without published weights at hand: weights from a seed, batch norms set on items of the train split."""

from collections.abc import Callable, Iterable
from math import prod
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fmn.errors import InputError

N = TypeVar("N", bound=nn.Module)


def draw_weights(network: N, seed: int) -> N:
    """He-normal (fan-in) convolutions and linear layers from `seed` alone, identity batch norms; in place, eval mode.

    He et al. 2015: the weights' variance is 2 / fan-in, so that ReLU layers keep the scale of what passes through them.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
                fan_in = prod(module.weight.shape[1:])
                module.weight.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, _BatchNorm):
                module.reset_parameters()
    return network.eval()


def has_norms(network: nn.Module) -> bool:
    """Whether there is a batch norm in it, whose statistics an untrained network lacks."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def set_norms(network: nn.Module, windows: Iterable[Tensor], show: Callable[[Tensor], object] | None = None) -> None:
    """Set the batch norms' statistics to those of `windows`, each [B, ...]; in place, no gradients, eval mode.

    Without that the deep features of an untrained network hardly differ from item to item. Means and variances are
    averaged over the windows with equal weight (torch's `momentum=None`); no labels are used, dropout stays off. Give
    many items a batch: what differs between batches is not in the variances. After an error the statistics are as
    before. `show`: what runs the network on a window, the network itself by default.
    Raises InputError when there is no window.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [{name: value.clone() for name, value in norm.state_dict().items()} for norm in norms]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    count = 0
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        with torch.no_grad():
            for window in windows:
                (show or network)(window)
                count += 1
        if count == 0:
            raise InputError("Calibration needs at least one window and got none: give it windows of the train split.")
    except BaseException:
        for norm, state in zip(norms, before, strict=True):
            norm.load_state_dict(state)
        raise
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.eval()
