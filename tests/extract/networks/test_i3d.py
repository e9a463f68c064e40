"""I3D against an oracle in numpy: explicit padding, one loop turn a kernel tap, float64."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.errors import InputError
from fmn.extract.networks.i3d import InceptionI3d, MaxPool, calibrate, pad_same, same_padding, untrained_i3d

SEQUENCE = [
    "Conv3d_1a_7x7", (1, 3, 3, 1, 2, 2), "Conv3d_2b_1x1", "Conv3d_2c_3x3", (1, 3, 3, 1, 2, 2), "Mixed_3b", "Mixed_3c",
    (3, 3, 3, 2, 2, 2), "Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f", (2, 2, 2, 2, 2, 2), "Mixed_5b",
    "Mixed_5c",
]  # fmt: skip


def oracle_taps(x, kernel, stride, outside):
    """Yield (tap, values [C, *outputs]) of a SAME window over x [C, T, H, W]; TensorFlow's published rule."""
    outputs, pads = [], []
    for size, k, s in zip(x.shape[1:], kernel, stride, strict=True):
        out = math.ceil(size / s)
        total = max((out - 1) * s + k - size, 0)
        outputs.append(out)
        pads.append((total // 2, total - total // 2))
    padded = np.pad(x, [(0, 0), *pads], constant_values=outside)
    for tap in itertools.product(*(range(k) for k in kernel)):
        cut = tuple(slice(t, t + (o - 1) * s + 1, s) for t, o, s in zip(tap, outputs, stride, strict=True))
        yield tap, padded[(slice(None), *cut)]


def oracle_unit(state, name, x, stride=1):
    weight = state[f"{name}.conv3d.weight"]
    y = 0.0
    for tap, values in oracle_taps(x, weight.shape[2:], (stride,) * 3, 0.0):
        y = y + np.tensordot(weight[(slice(None), slice(None), *tap)], values, axes=1)
    mean, var = state[f"{name}.bn.running_mean"], state[f"{name}.bn.running_var"]
    y = (y - mean[:, None, None, None]) / np.sqrt(var + 1e-3)[:, None, None, None]
    y = y * state[f"{name}.bn.weight"][:, None, None, None] + state[f"{name}.bn.bias"][:, None, None, None]
    return np.maximum(y, 0.0)


def oracle_pool(x, kernel, stride):
    best = None
    for _, values in oracle_taps(x, kernel, stride, 0.0):
        best = values if best is None else np.maximum(best, values)
    return best


def oracle_map(state, x):
    for step in SEQUENCE:
        if isinstance(step, tuple):
            x = oracle_pool(x, step[:3], step[3:])
        elif step.startswith("Mixed"):
            x = np.concatenate([
                oracle_unit(state, f"{step}.b0", x),
                oracle_unit(state, f"{step}.b1b", oracle_unit(state, f"{step}.b1a", x)),
                oracle_unit(state, f"{step}.b2b", oracle_unit(state, f"{step}.b2a", x)),
                oracle_unit(state, f"{step}.b3b", oracle_pool(x, (3, 3, 3), (1, 1, 1))),
            ])  # fmt: skip
        else:
            x = oracle_unit(state, step, x, stride=2 if step == "Conv3d_1a_7x7" else 1)
    return x


def lived_in(in_channels, seed=0, num_classes=7):
    """An untrained network whose batch norms and head bias are not the identity."""
    network = untrained_i3d(in_channels, seed, num_classes)
    generator = torch.Generator().manual_seed(seed + 100)
    for name, value in network.state_dict().items():
        if name.endswith((".bn.weight", ".bn.running_var")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith((".bn.bias", ".bn.running_mean", "logits.conv3d.bias")):
            value.normal_(0.0, 0.2, generator=generator)
    return network


def clip_of(shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize(("in_channels", "count"), [(3, 12_697_264), (2, 12_675_312)])
def test_the_number_of_parameters_is_the_published_one(in_channels, count):
    assert sum(value.numel() for value in InceptionI3d(in_channels, 400).parameters()) == count


def test_settings_of_the_layers_are_the_published_ones():
    network = InceptionI3d(3, 400)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm3d)]
    assert len(norms) == 57
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    biased = [n for n, m in network.named_modules() if isinstance(m, torch.nn.Conv3d) and m.bias is not None]
    assert biased == ["logits.conv3d"]


@given(size=st.integers(1, 300), kernel=st.integers(1, 7), stride=st.integers(1, 3))
def test_same_padding_follows_tensorflow(size, kernel, stride):
    out = math.ceil(size / stride)
    before, after = same_padding(size, kernel, stride)
    assert before + after == max((out - 1) * stride + kernel - size, 0)
    assert after - before in (0, 1)
    assert (size + before + after - kernel) // stride + 1 == out


def test_padding_is_zeros_and_the_odd_one_comes_last():
    x = torch.ones(1, 1, 4, 5, 6)
    padded = pad_same(x, (3, 3, 7), (2, 2, 2))[0, 0]
    assert padded.shape == (5, 7, 11)  # time 0 + 1, height 1 + 1, width 2 + 3
    assert padded[:4, 1:6, 2:8].min() == 1
    assert padded.sum() == x.sum()


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 3),
    kind=st.sampled_from(
        [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3,) * 3, (1,) * 3)]
    ),
)
def test_max_pool_agrees_with_the_oracle(size, kind):
    x = clip_of((1, 2, *size)).relu()
    expected = oracle_pool(x[0].numpy(), *kind)
    assert np.array_equal(MaxPool(*kind)(x)[0].numpy(), expected)


@pytest.mark.parametrize(
    ("in_channels", "size"),
    [(3, (16, 32, 32)), (2, (17, 33, 31)), (3, (9, 47, 65)), (2, (1, 5, 40))],
    ids=["even", "odd", "mixed", "tiny"],
)
def test_the_network_agrees_with_the_oracle(in_channels, size):
    network = lived_in(in_channels)
    clip = clip_of((1, in_channels, *size))
    state = {name: value.double().numpy() for name, value in network.state_dict().items()}
    expected = oracle_map(state, clip[0].double().numpy())
    with torch.no_grad():
        found = network.feature_map(clip)[0].numpy()
        features = network.features(clip)[0].numpy()
        logits = network(clip)[0].numpy()
    assert found.shape == (1024, math.ceil(size[0] / 8), math.ceil(size[1] / 32), math.ceil(size[2] / 32))
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    pooled = expected.mean(axis=(1, 2, 3))
    assert np.abs(features - pooled).max() <= 1e-4 * np.abs(pooled).max()
    # maps of at most 7 x 7: the head's pool covers the frame, and averages neighbouring steps in time
    steps = expected.mean(axis=(2, 3))
    if steps.shape[1] > 1:
        steps = (steps[:, 1:] + steps[:, :-1]) / 2
    head = state["logits.conv3d.weight"][:, :, 0, 0, 0] @ steps + state["logits.conv3d.bias"][:, None]
    assert np.abs(logits - head.mean(axis=1)).max() <= 1e-4 * np.abs(head).max()


def test_the_head_slides_over_frames_larger_than_224():
    network = lived_in(3)
    clip = clip_of((1, 3, 2, 257, 225))
    with torch.no_grad():
        features = network.feature_map(clip)[0].double().numpy()  # [1024, 1, 9, 8]
        logits = network(clip)[0].numpy()
    spots = [features[:, 0, i : i + 7, j : j + 7].mean(axis=(1, 2)) for i in range(3) for j in range(2)]
    state = network.state_dict()
    weight = state["logits.conv3d.weight"][:, :, 0, 0, 0].double().numpy()
    expected = np.mean([weight @ spot for spot in spots], axis=0) + state["logits.conv3d.bias"].double().numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_clips_of_a_batch_do_not_touch_each_other():
    network = lived_in(2)
    clips = clip_of((3, 2, 9, 40, 40))
    with torch.no_grad():
        together = network.features(clips)
        alone = torch.cat([network.features(clips[i : i + 1]) for i in range(3)])
    # Sums run in another order in a larger batch: about eight roundings (1.2e-7) of the largest feature, 31 here.
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6 * float(alone.abs().max()))


@pytest.mark.parametrize("shape", [(1, 2, 8, 32, 32), (3, 8, 32, 32), (1, 3, 0, 32, 32)])
def test_a_clip_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(InputError, match="3 channels"):
        untrained_i3d(3, 0).features(torch.zeros(shape))


def test_an_untrained_network_is_its_seed_and_leaves_the_callers_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = untrained_i3d(3, 1), untrained_i3d(3, 1), untrained_i3d(3, 2)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not one.training
    for name, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
        if name.endswith("conv3d.weight"):
            assert not torch.equal(value, other.state_dict()[name])
            fan_in = math.prod(value.shape[1:])
            assert float(value.std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)


@pytest.mark.parametrize("in_channels", [3, 2])
def test_activations_of_an_untrained_network_keep_their_scale(in_channels):
    network = untrained_i3d(in_channels, 0)
    x = clip_of((1, in_channels, 16, 64, 64))
    with torch.no_grad():
        for name in network.trunk:
            x = network.get_submodule(name)(x)
            assert 0.2 < float(x.square().mean().sqrt()) < 5, name


def test_calibration_averages_the_statistics_of_the_windows():
    network = untrained_i3d(3, 0)
    weights = {name: value.clone() for name, value in network.named_parameters()}
    windows = [clip_of((2, 3, 9, 40, 40), seed) * (1 + seed) for seed in range(3)]
    assert calibrate(network, iter(windows)) is network
    weight = network.get_submodule("Conv3d_1a_7x7").conv3d.weight.detach().double().numpy()
    means, variances = [], []
    for window in windows:
        outputs = []
        for clip in window.double().numpy():
            taps = oracle_taps(clip, (7, 7, 7), (2, 2, 2), 0.0)
            outputs.append(sum(np.tensordot(weight[(slice(None), slice(None), *t)], v, axes=1) for t, v in taps))
        values = np.stack(outputs, axis=1).reshape(64, -1)
        means.append(values.mean(axis=1))
        variances.append(values.var(axis=1, ddof=1))
    norm = network.get_submodule("Conv3d_1a_7x7").bn
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean(means, axis=0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(norm.running_var.numpy(), np.mean(variances, axis=0), rtol=1e-3)
    assert not any(module.training for module in network.modules())
    assert norm.momentum == 0.01
    assert all(torch.equal(value, weights[name]) for name, value in network.named_parameters())


def test_features_of_a_calibrated_network_are_of_moderate_size():
    network = untrained_i3d(2, 0)
    windows = torch.cat([clip_of((1, 2, 16, 64, 64), seed) * 0.1 * (seed + 1) for seed in range(6)])
    calibrate(network, [windows])
    with torch.no_grad():
        features = network.features(windows)
    assert 0.05 < float(features.square().mean().sqrt()) < 5
    assert float(features.std(dim=0).mean()) > 0.02


@pytest.mark.parametrize(
    ("windows", "words"),
    [([], "at least one window"), ([(1, 3, 8, 32, 32)], "two or more positions"), ([(1, 2, 9, 32, 32)], "3 channels")],
)
def test_a_failed_calibration_says_why_and_changes_nothing(windows, words):
    network = lived_in(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(InputError, match=words):
        calibrate(network, [torch.zeros(2, 3, 9, 33, 33), *map(torch.zeros, windows)] if windows else [])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module.training for module in network.modules())
    assert network.get_submodule("Mixed_5c.b0").bn.momentum == 0.01
