import pytest
import torch

from fmn.device import pick_device
from fmn.errors import InputError


def test_a_device_is_picked():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "", "mps:0", "cuda:", "cuda:999", "CPU"])
def test_a_device_that_is_none_is_a_sentence(name):
    with pytest.raises(InputError, match=f"auto, cpu, cuda or cuda:N; {name!r} cannot be used here"):
        pick_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_a_sentence():
    with pytest.raises(InputError, match="'cuda' cannot be used here"):
        pick_device("cuda")
