"""C3D: the port's names and shapes, its arithmetic, and its one size."""

import pytest
import torch
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.extract.encoders.c3d import load_c3d, preprocessing
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.networks import c3d
from fmn.extract.networks.c3d import C3d

PORT = {
    "conv1": (64, 3),
    "conv2": (128, 64),
    "conv3a": (256, 128),
    "conv3b": (256, 256),
    "conv4a": (512, 256),
    "conv4b": (512, 512),
    "conv5a": (512, 512),
    "conv5b": (512, 512),
}


def test_names_and_shapes_are_the_ports():
    wanted = {f"{name}.weight": (*shape, 3, 3, 3) for name, shape in PORT.items()}
    wanted |= {f"{name}.bias": shape[:1] for name, shape in PORT.items()}
    wanted |= {"fc6.weight": (4096, 8192), "fc6.bias": (4096,)}
    with torch.device("meta"):
        assert {name: tuple(value.shape) for name, value in C3d().state_dict().items()} == wanted


@pytest.fixture
def narrow(monkeypatch):
    names = list(PORT)
    widths = {name: (3 if k == 0 else 2 + (k - 1) % 3, 2 + k % 3) for k, name in enumerate(names)}
    monkeypatch.setattr(c3d, "WIDTHS", widths)
    monkeypatch.setattr(c3d, "FEATURES", 5)
    return widths


def test_a_file_of_the_port_gives_the_plain_network_without_its_classifier(narrow, tools, tmp_path):
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, (before, after) in narrow.items():
        state[f"{name}.weight"] = torch.randn(after, before, 3, 3, 3, generator=generator) * 0.2
        state[f"{name}.bias"] = torch.randn(after, generator=generator)
    state["fc6.weight"] = torch.randn(5, narrow["conv5b"][1] * 16, generator=generator)
    state["fc6.bias"] = torch.randn(5, generator=generator)
    heads = {"fc7.weight": torch.zeros(5, 5), "fc7.bias": torch.zeros(5)}
    heads |= {"fc8.weight": torch.zeros(7, 5), "fc8.bias": torch.zeros(7)}
    torch.save({**state, **heads}, tmp_path / "c3d.pickle")
    clip = torch.rand(2, 3, 16, 112, 112, generator=generator)

    def conv(name, x):
        return F.relu(F.conv3d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))

    x = F.max_pool3d(conv("conv1", clip), (1, 2, 2))
    x = F.max_pool3d(conv("conv2", x), 2)
    x = F.max_pool3d(conv("conv3b", conv("conv3a", x)), 2)
    x = F.max_pool3d(conv("conv4b", conv("conv4a", x)), 2)
    x = conv("conv5b", conv("conv5a", x))
    assert x.shape[2:] == (2, 7, 7)
    x = F.max_pool3d(F.pad(x, (1, 1, 1, 1, 0, 0)), 2)  # zeros, for after a ReLU nothing is less
    wanted = F.relu(F.linear(x.reshape(2, -1), state["fc6.weight"], state["fc6.bias"]))
    with torch.inference_mode():
        assert torch.allclose(load_c3d(tmp_path / "c3d.pickle")(clip), wanted, atol=1e-4)
    del state["conv4b.bias"]
    torch.save(state, tmp_path / "less.pt")
    with pytest.raises(InputError, match=r"1 missing \(conv4b\.bias\)"):
        load_c3d(tmp_path / "less.pt")


def test_other_sizes_are_refused(narrow):
    with pytest.raises(InputError, match="none of another size"):
        C3d()(torch.zeros(1, 3, 16, 128, 128))
    with pytest.raises(InputError, match="leave --short-side and --crop out"):
        preprocessing(ExtractSettings(short_side=240, crop=200))
    for sizes in ({}, {"short_side": 128, "crop": 112}):
        assert preprocessing(ExtractSettings(**sizes))["crop"] == 112
    with pytest.raises(InputError, match="sees RGB frames only"):
        preprocessing(ExtractSettings(flow="tvl1"))
