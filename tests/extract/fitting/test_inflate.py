"""Inflation: the network answers to a clip of one still picture as the 2-D network answers to the picture."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.extract.fitting.inflate import inflated_i3d
from fmn.extract.networks.i3d import MIXED, same_padding

PATH = Path("googlenet.pth")
BRANCHES = {"branch1": 0, "branch2.0": 1, "branch2.1": 2, "branch3.0": 3, "branch3.1": 4, "branch4.1": 5}


def unit(state, name, inputs, outputs, kernel, generator):
    fan_in = inputs * kernel * kernel
    state[f"{name}.conv.weight"] = (
        torch.randn(outputs, inputs, kernel, kernel, generator=generator) * (2 / fan_in) ** 0.5
    )
    state[f"{name}.bn.weight"] = torch.rand(outputs, generator=generator) + 0.5
    state[f"{name}.bn.bias"] = torch.randn(outputs, generator=generator) * 0.1
    state[f"{name}.bn.running_mean"] = torch.randn(outputs, generator=generator) * 0.1
    state[f"{name}.bn.running_var"] = torch.rand(outputs, generator=generator) + 0.5
    state[f"{name}.bn.num_batches_tracked"] = torch.tensor(1)


def googlenet():
    """A random state dict in the names and shapes of torchvision's GoogLeNet."""
    generator, state = torch.Generator().manual_seed(0), {}
    for name, inputs, outputs, kernel in (("conv1", 3, 64, 7), ("conv2", 64, 64, 1), ("conv3", 64, 192, 3)):
        unit(state, name, inputs, outputs, kernel, generator)
    width = 192
    for mixed, (c0, c1a, c1b, c2a, c2b, c3b) in MIXED.items():
        block = f"inception{mixed.removeprefix('Mixed_')}"
        for branch, inputs, outputs, kernel in (
            ("branch1", width, c0, 1), ("branch2.0", width, c1a, 1), ("branch2.1", c1a, c1b, 3),
            ("branch3.0", width, c2a, 1), ("branch3.1", c2a, c2b, 3), ("branch4.1", width, c3b, 1),
        ):  # fmt: skip
            unit(state, f"{block}.{branch}", inputs, outputs, kernel, generator)
        width = c0 + c1b + c2b + c3b
    state |= {"fc.weight": torch.zeros(1000, 1024), "aux1.conv.conv.weight": torch.zeros(128, 512, 1, 1)}
    return state


def conv(state, name, x, stride=1):
    """The 2-D unit by torch's functions: 'SAME' convolution, batch norm, ReLU."""
    weight = state[f"{name}.conv.weight"]
    pads = [p for size in (x.shape[3], x.shape[2]) for p in same_padding(size, weight.shape[2], stride)]
    y = F.conv2d(F.pad(x, pads), weight, stride=stride)
    norm = [state[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.relu(F.batch_norm(y, *norm, eps=1e-3))


def pool(x, kernel, stride):
    pads = [p for size in (x.shape[3], x.shape[2]) for p in same_padding(size, kernel, stride)]
    return F.max_pool2d(F.pad(x, pads), kernel, stride)


def upto_3c(state, picture):
    x = pool(conv(state, "conv1", picture, stride=2), 3, 2)
    x = pool(conv(state, "conv3", conv(state, "conv2", x)), 3, 2)
    for block in ("inception3a", "inception3b"):
        x = torch.cat(
            [
                conv(state, f"{block}.branch1", x),
                conv(state, f"{block}.branch2.1", conv(state, f"{block}.branch2.0", x)),
                conv(state, f"{block}.branch3.1", conv(state, f"{block}.branch3.0", x)),
                conv(state, f"{block}.branch4.1", pool(x, 3, 1)),
            ],
            dim=1,
        )
    return x


def renamed(state):
    """torchvision's letters: I3D's Mixed_3b is its inception3a."""
    letters = {"b": "a", "c": "b", "d": "c", "e": "d", "f": "e"}
    found = {}
    for name, value in state.items():
        if name.startswith("inception"):
            name = name[:10] + letters[name[10]] + name[11:]
        found[name] = value
    return found


def test_a_still_clip_is_answered_as_its_picture():
    state = renamed(googlenet())
    network = inflated_i3d(state, 3, 5, PATH).eval()
    picture = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x = picture[:, :, None].expand(-1, -1, 40, -1, -1)
    with torch.no_grad():
        for name in network.trunk[: network.trunk.index("Mixed_3c") + 1]:
            x = network.get_submodule(name)(x)
        wanted = upto_3c(state, picture)
    assert torch.allclose(x[:, :, 10], wanted, rtol=1e-4, atol=1e-4)  # far from the zeros before and after the clip


def test_the_flow_stream_gets_the_mean_filter():
    state = renamed(googlenet())
    stem = inflated_i3d(state, 2, 5, PATH).state_dict()["Conv3d_1a_7x7.conv3d.weight"]
    wanted = state["conv1.conv.weight"].mean(dim=1) * 1.5 / 7
    assert stem.shape == (64, 2, 7, 7, 7)
    assert all(torch.allclose(stem[:, channel, t], wanted) for channel in range(2) for t in range(7))


def test_what_is_no_inception_is_refused():
    state = renamed(googlenet())
    with pytest.raises(InputError, match="1 tensors are missing or too many"):
        inflated_i3d({name: value for name, value in state.items() if name != "conv2.bn.bias"}, 3, 5, PATH)
    with pytest.raises(InputError, match="must be finite and of shape"):
        inflated_i3d(state | {"conv2.conv.weight": torch.zeros(64, 64, 3, 3)}, 3, 5, PATH)
    with pytest.raises(InputError, match="must be finite and of shape"):
        inflated_i3d(state | {"conv2.bn.bias": torch.full((64,), torch.nan)}, 3, 5, PATH)
