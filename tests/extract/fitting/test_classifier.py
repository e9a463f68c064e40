"""What is told apart (labels, else pairs of several clips, else single clips), and the head on standing features."""

import torch

from fmn.extract.fitting.classifier import PENALTY, find_classes, fit_head
from fmn.extract.networks.i3d import Logits
from fmn.item import Item


def item(name, label="", pair=""):
    return Item(name, "video", f"/{name}.mp4", label=label, pair=pair)


def test_labels_come_first_and_an_unknown_one_is_in_no_class():
    items = [item("a", "pour"), item("b", "cut"), item("c", "cut"), item("d", "wash"), item("e")]
    found = find_classes(items, held={"c", "d"})
    assert found.method == "labels" and found.names == ("cut", "pour") and found.of == {"a": 1, "b": 0, "c": 0}


def test_pairs_serve_where_several_clips_share_one():
    items = [item("a", pair="1"), item("b", pair="1"), item("c", pair="2"), item("d", pair="2")]
    found = find_classes(items, held={"d"})
    assert found.method == "pairs" and found.of == {"a": 0, "b": 0, "c": 1, "d": 1}


def test_else_every_fitted_clip_is_its_own_class():
    items = [item("a", "same", "1"), item("b", "same", "2"), item("c", "same", "3")]
    found = find_classes(items, held={"c"})
    assert found.method == "clips" and found.of == {"a": 0, "b": 1}


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
