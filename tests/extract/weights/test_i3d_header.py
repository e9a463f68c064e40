"""A fitted stream's file: it loads as I3D weights, and says what it was fitted on."""

import pytest
import torch
from safetensors.torch import save_file

from fmn.errors import InputError
from fmn.extract.fitting.from_scratch import SMALL
from fmn.extract.networks.i3d import untrained_i3d
from fmn.extract.weights.i3d_file import load_i3d
from fmn.extract.weights.i3d_header import FittedI3d, read_about, to_bytes, write_fitted

ABOUT = FittedI3d("flow", ("cut", "pour"), SMALL, "random weights, seed 0", {"content": ["ab", "cd"], "items": 2})


def test_what_is_written_is_read(tmp_path):
    network = untrained_i3d(2, 0, 2)
    write_fitted(tmp_path, "flow.safetensors", network, ABOUT)
    about = read_about(tmp_path / "flow.safetensors")
    assert about == ABOUT and about.keys == ["ab", "cd"]
    loaded = load_i3d(tmp_path / "flow.safetensors", 2)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in network.state_dict().items())
    assert to_bytes(network, ABOUT) == (tmp_path / "flow.safetensors").read_bytes()


def test_other_weights_say_nothing_and_a_damaged_header_is_a_sentence(tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, other)
    assert read_about(other) is None and read_about(tmp_path / "none.pt") is None
    save_file({"a": torch.zeros(1)}, other, metadata={"fmn": '{"kind": "fmn.i3d", "schema": 1, "stream": "rgb"}'})
    with pytest.raises(InputError, match=r"header of .* is damaged"):
        read_about(other)
    save_file({"a": torch.zeros(1)}, other, metadata={"fmn": '{"kind": "fmn.i3d", "schema": 9}'})
    with pytest.raises(InputError, match="schema 9"):
        read_about(other)
