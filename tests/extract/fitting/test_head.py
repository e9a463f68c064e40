"""The head on standing features: a regression on standardised ones, that reads raw ones."""

import torch

from fmn.extract.fitting.head import PENALTY, fit_head
from fmn.extract.networks.i3d import Logits


def test_the_head_separates_what_is_separable_and_is_at_an_optimum():
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(60) % 3
    features = torch.randn(60, 1024, generator=generator) * torch.logspace(-4, 2, 1024) + 50
    features[:, 5] += 3e-4 * classes  # a small column that says it all
    head = Logits(3)
    loss = fit_head(head, features, classes, 0)
    assert head.conv3d.bias is not None
    weight, bias = head.conv3d.weight.detach()[:, :, 0, 0, 0].double(), head.conv3d.bias.detach().double()
    scores = features.double() @ weight.T + bias
    assert (scores.argmax(dim=1) == classes).all()
    assert abs(float(torch.nn.functional.cross_entropy(scores, classes)) - loss) < 1e-2
    # The gradient of the penalised loss vanishes, in the standardised coordinates in which it was minimised.
    mean, deviation = features.double().mean(0), features.double().std(0, correction=0)
    deviation = deviation.clamp_min(1e-3 * float(deviation.mean()))
    inside = (weight * deviation).requires_grad_()
    shifted = (bias + weight @ mean).requires_grad_()
    total = torch.nn.functional.cross_entropy((features.double() - mean) / deviation @ inside.T + shifted, classes)
    gradient, _ = torch.autograd.grad(total + PENALTY * inside.square().sum(), (inside, shifted))
    assert float(gradient.abs().max()) < 1e-2
