"""The fast copy of I3D says what the reference says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.extract.networks.i3d import MaxPool, calibrate, untrained_i3d
from fmn.extract.networks.i3d_fast import FastI3d, FastPool, inference_dtype

KINDS = [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))]


def lived_in(in_channels, seed=0):
    """An untrained network whose batch norms are not the identity."""
    network = untrained_i3d(in_channels, seed)
    generator = torch.Generator().manual_seed(seed + 100)
    for name, value in network.state_dict().items():
        if name.endswith((".bn.weight", ".bn.running_var")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith((".bn.bias", ".bn.running_mean")):
            value.normal_(0.0, 0.2, generator=generator)
    return network


def noise(channels, size, seed=0):
    return torch.rand((1, channels, *size), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def structured(channels, size):
    """A bright square that moves over a gradient."""
    frames, height, width = size
    clip = torch.linspace(-1, 1, width).expand(1, channels, frames, height, width).clone()
    for t in range(frames):
        left = (width - 8) * t // frames
        clip[:, :, t, height // 3 : height // 2, left : left + 8] = 1.0
    return clip


def native(dtype):
    """Whether the processor computes in `dtype`: one that has no bf16 takes minutes for what the others do at once."""
    return dtype == torch.float32 or inference_dtype(torch.device("cpu")) == dtype


@pytest.mark.parametrize("in_channels", [3, 2])
@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 0.9995), (torch.float32, 1 - 1e-6)])
def test_features_point_where_the_reference_points(in_channels, dtype, least):
    odd, largest = ((17, 65, 63), (64, 96, 96)) if native(dtype) else ((9, 33, 31), (16, 40, 40))
    clips = [noise(in_channels, odd), structured(in_channels, largest), noise(in_channels, (1, 9, 40))]
    for network in (untrained_i3d(in_channels, 1), lived_in(in_channels)):
        fast = FastI3d(network, dtype=dtype)
        for clip in clips:
            with torch.no_grad():
                expected = network.features(clip)
            found = fast.features(clip)
            assert found.dtype == torch.float32
            assert found.shape == (1, 1024)
            assert F.cosine_similarity(found.double(), expected.double()).item() >= least
            assert (found - expected).norm() <= (0.03 if dtype == torch.bfloat16 else 1e-4) * expected.norm()


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 0.9), (torch.float32, 1 - 1e-6)])
def test_an_untrained_calibrated_network_amplifies_rounding(dtype, least):
    network = untrained_i3d(2, 0)
    size = (16, 64, 64) if native(dtype) else (8, 48, 48)
    clips = torch.cat([noise(2, size, seed) * (seed + 1) / 4 for seed in range(4)])
    calibrate(network, [clips])
    with torch.no_grad():
        expected = network.features(clips).double()
    found = FastI3d(network, dtype=dtype).features(clips).double()
    assert F.cosine_similarity(found, expected).min().item() >= least


@settings(max_examples=40, deadline=None)
@given(size=st.tuples(*[st.integers(1, 11)] * 3), kind=st.sampled_from(KINDS))
def test_pooling_without_the_padded_copy_is_the_same(size, kind):
    pool = MaxPool(*kind)
    x = noise(2, size).relu()
    assert torch.equal(FastPool(pool)(x), pool(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_same_clip_gives_the_same_bits(dtype):
    clip = noise(2, (16, 48, 48))
    one, other = FastI3d(lived_in(2), dtype=dtype), FastI3d(lived_in(2), dtype=dtype)
    first = one.features(clip)
    assert torch.equal(first, one.features(clip))
    assert torch.equal(first, other.features(clip.clone()))


def test_the_last_average_is_taken_in_float32():
    network = untrained_i3d(3, 0)
    fast = FastI3d(network, dtype=torch.bfloat16)
    clip = noise(3, (16, 64, 64) if native(torch.bfloat16) else (9, 40, 40))
    with torch.inference_mode():
        last = fast.stages(clip.bfloat16().contiguous(memory_format=torch.channels_last_3d))
    assert last.dtype == torch.bfloat16
    torch.testing.assert_close(fast.features(clip), last.double().mean(dim=(2, 3, 4)).float(), rtol=1e-6, atol=1e-7)


def test_the_copy_is_frozen_and_leaves_the_original_alone():
    network = lived_in(3).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fast = FastI3d(network)
    fast.features(noise(3, (8, 32, 32)))
    assert list(fast.parameters()) == []
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert fast.dtype == inference_dtype(torch.device("cpu"))


def test_bfloat16_is_chosen_only_where_the_machine_computes_in_it():
    has = torch.cpu.get_capabilities()
    expected = torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32
    assert inference_dtype(torch.device("cpu")) == expected
    assert inference_dtype(torch.device("meta")) == torch.float32


def test_a_clip_of_the_other_stream_is_refused():
    with pytest.raises(InputError, match="2 channels"):
        FastI3d(untrained_i3d(2, 0)).features(torch.zeros(1, 3, 8, 32, 32))
