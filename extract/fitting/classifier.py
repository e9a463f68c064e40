"""The classifier of a video stream: what it tells apart, and its fitting on features that stand still."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fmn.item import Item

from ..networks.i3d import Logits

STEPS = 200
PENALTY = 0.1
DEVIATION = 1e-3  # of a standardised feature: below this part of the mean deviation it says nothing


@dataclass(frozen=True)
class Classes:
    """names: in the order of the head. of: item id -> class. method: "labels", "pairs" or "clips".

    With "clips" every clip is its own class, known by its windows, crops and mirror images (Dosovitskiy et al. 2014).
    """

    names: tuple[str, ...]
    of: dict[str, int]
    method: str


def find_classes(items: Sequence[Item], held: set[str]) -> Classes:
    """The classes of the fitted items (those not `held`); a held item of a class that none of them has is in none."""
    fitted = [item for item in items if item.id not in held]
    labels = {item.label for item in fitted if item.label}
    if len(labels) > 1:
        return _numbered("labels", {item.id: item.label for item in items if item.label}, labels)
    pairs = Counter(item.pair for item in fitted if item.pair)
    if len(pairs) > 1 and max(pairs.values()) > 1:  # several clips of one recording; a pair each says nothing more
        return _numbered("pairs", {item.id: item.pair for item in items if item.pair}, set(pairs))
    return _numbered("clips", {item.id: item.id for item in fitted}, {item.id for item in fitted})


def _numbered(method: str, named: dict[str, str], known: set[str]) -> Classes:
    names = tuple(sorted(known))
    number = {name: index for index, name in enumerate(names)}
    return Classes(names, {item: number[name] for item, name in named.items() if name in number}, method)


def fit_head(head: Logits, features: Tensor, classes: Tensor, seed: int) -> float:
    """Fit `head` on features [n, 1024] and classes [n]; in place. Returns the loss (nats).

    A softmax regression on standardised features (their deviations differ by orders of magnitude); mean and deviation
    then go into weights and bias of I3D's last convolution, so that the head reads the network's own features.
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
