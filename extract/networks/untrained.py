"""Networks without published weights at hand: weights from a seed, batch norms set on items of the train split."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def draw_weights(network: nn.Module, seed: int) -> nn.Module:
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


def set_norms(network: nn.Module, batch: Tensor) -> None:
    """Set the batch norms' statistics to those of one batch [B, ...] of windows; in place, no gradients, eval mode.

    Without that the deep features of an untrained network hardly differ from item to item.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average of what is seen
        norm.train()
    with torch.no_grad():
        network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
