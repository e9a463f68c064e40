"""The classifier on features that stand still: softmax regression, put into I3D's last convolution."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..networks.i3d import Logits

STEPS = 200
PENALTY = 0.1
DEVIATION = 1e-3  # of a standardised feature: below this part of the mean deviation it says nothing


def fit_head(head: Logits, features: Tensor, classes: Tensor, seed: int) -> float:
    """Fit `head` on features [n, 1024] and classes [n]; in place. Returns the loss (nats).

    The regression works on standardised features (their deviations differ by orders of magnitude); mean and deviation
    then go into weights and bias, so that the head reads the network's own features.
    """
    mean, deviation = features.mean(dim=0), features.std(dim=0, correction=0)
    deviation = deviation.clamp_min(DEVIATION * float(deviation.mean()) + 1e-12)
    inputs = (features - mean) / deviation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        linear = nn.Linear(features.shape[1], head.conv3d.out_channels)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = cross_entropy(linear(inputs), classes) + PENALTY * linear.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        loss = float(cross_entropy(linear(inputs), classes))
        weight = linear.weight / deviation
        head.conv3d.weight.copy_(weight[:, :, None, None, None])
        assert head.conv3d.bias is not None
        head.conv3d.bias.copy_(linear.bias - weight @ mean)
    return loss
