"""MusiCNN against the same network written in TensorFlow's own layout, from a checkpoint that is written here."""

import sys

import numpy as np
import pytest
import torch
from crc32c import crc32c
from safetensors.torch import save_file

from fmn.errors import InputError
from fmn.extract.encoders import musicnn
from fmn.extract.encoders.musicnn import installed_musicnn, load_musicnn, patches, spectrogram
from fmn.extract.media.waveform import waveform
from fmn.extract.networks.musicnn import MusiCnn
from fmn.item import Item

FRONT = [(7, 38, 204), (7, 67, 204), (128, 1, 51), (64, 1, 51), (32, 1, 51)]


@pytest.fixture(scope="module")
def values():
    """Variables of the published names and shapes."""
    draw = np.random.default_rng(0)
    found = {}

    def norm(number, size):
        name = f"batch_normalization{f'_{number}' if number else ''}"
        for leaf in ("gamma", "moving_variance"):
            found[f"{name}/{leaf}"] = draw.uniform(0.5, 1.5, size).astype(np.float32)
        for leaf in ("beta", "moving_mean"):
            found[f"{name}/{leaf}"] = draw.normal(0, 0.2, size).astype(np.float32)

    def layer(name, *shape):
        found[f"{name}/kernel"] = draw.normal(0, 0.05, shape).astype(np.float32)
        found[f"{name}/bias"] = draw.normal(0, 0.1, shape[-1]).astype(np.float32)

    norm(0, 1)
    for k, (time, bands, channels) in enumerate(FRONT):
        layer(f"conv2d{f'_{k}' if k else ''}", time, bands, 1, channels)
        norm(k + 1, channels)
    for k, width in enumerate((561, 64, 64)):
        layer(f"conv2d_{k + 5}", 7, width, 1, 64)
        norm(k + 6, 64)
    norm(9, 1506)
    layer("dense", 1506, 200)
    norm(10, 200)
    layer("dense_1", 200, 50)
    found["dense/kernel/Adam"] = np.zeros((1506, 200), np.float32)
    found["beta1_power"] = np.array(0.9, np.float32)
    return found


@pytest.fixture(scope="module")
def folder(values, tools, tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "musicnn" / "MTT_musicnn"
    path.mkdir(parents=True)
    (path.parent / "__init__.py").write_text("raise ImportError('tensorflow is not here')")
    return tools.checkpoint(path, values, check=crc32c)


def plain(values, x):
    """[T, 96] -> (mean [753], max [753], penultimate [200], tags [50]), axes as in TensorFlow: time, band, channel."""

    def norm(number, y):
        name = f"batch_normalization{f'_{number}' if number else ''}"
        g, b, m, v = (values[f"{name}/{leaf}"] for leaf in ("gamma", "beta", "moving_mean", "moving_variance"))
        return g * (y - m) / np.sqrt(v + 1e-3) + b

    def conv(number, y, before, after):  # y [time, bands]; VALID over the bands
        kernel = values[f"conv2d{f'_{number}' if number else ''}/kernel"][:, :, 0]
        y = np.pad(y, ((before, after), (0, 0)))
        seen = np.lib.stride_tricks.sliding_window_view(y, kernel.shape[:2])
        made = np.einsum("tbij,ijc->tbc", seen, kernel, optimize=True)
        return np.maximum(0, made + values[f"conv2d{f'_{number}' if number else ''}/bias"])

    x = norm(0, x)
    front = []
    for k, (time, _, _) in enumerate(FRONT):
        front.append(norm(k + 1, conv(k, x, (time - 1) // 2, time // 2)).max(axis=1))
    front = np.concatenate(front, axis=1)
    first = norm(6, conv(5, front, 3, 3))[:, 0]
    second = norm(7, conv(6, first, 3, 3))[:, 0] + first
    third = norm(8, conv(7, second, 3, 3))[:, 0] + second
    every = np.concatenate([front, first, second, third], axis=1)
    mean, most = every.mean(axis=0), every.max(axis=0)
    flat = norm(9, np.stack([most, mean], axis=1).reshape(-1))
    penultimate = norm(10, np.maximum(0, flat @ values["dense/kernel"] + values["dense/bias"]))
    logits = penultimate @ values["dense_1/kernel"] + values["dense_1/bias"]
    return mean, most, penultimate, 1 / (1 + np.exp(-logits))


def test_a_checkpoint_of_the_package_gives_the_packages_network(folder, values):
    network = load_musicnn(folder)
    patch = np.random.default_rng(1).uniform(0, 4, (150, 96)).astype(np.float32)
    mean, most, penultimate, tags = plain(values, patch)
    with torch.inference_mode():
        given = torch.from_numpy(patch)[None]
        assert np.allclose(network(given)[0], np.concatenate([mean, most]), atol=1e-4)
        assert np.allclose(network.penultimate(given)[0], penultimate, atol=1e-4)
        assert np.allclose(network.tags(given)[0], tags, atol=1e-5)


def test_its_own_file_gives_the_same_network(folder, tmp_path):
    network = load_musicnn(folder)
    save_file(network.state_dict(), tmp_path / "musicnn.safetensors")
    again = load_musicnn(tmp_path / "musicnn.safetensors").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())


def test_wrong_files_are_named(values, tools, tmp_path):
    def refused(changed, words):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        tools.checkpoint(folder, changed, check=crc32c)
        with pytest.raises(InputError, match=words):
            load_musicnn(folder)

    refused({name: value for name, value in values.items() if name != "dense/bias"}, "there is no dense/bias")
    refused({**values, "conv2d_5/kernel": np.zeros((7, 561, 1, 512), np.float32)}, "conv2d_5/kernel is")
    refused({**values, "dense/bias": np.full(200, np.nan, np.float32)}, "dense/bias holds values that are not finite")
    with pytest.raises(InputError, match="does not exist"):
        load_musicnn(tmp_path / "nothing.pt")


def test_the_installed_package_is_found_and_not_imported(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder.parent.parent))
    sys.modules.pop("musicnn", None)
    assert installed_musicnn() == folder
    assert "musicnn" not in sys.modules


def test_the_spectrogram_is_that_of_the_plain_rule():
    sound = np.random.default_rng(2).normal(size=2000).astype(np.float32) * 0.1
    found = spectrogram(sound)
    assert found.shape == (1 + 2000 // 256, 96)
    padded = np.pad(sound.astype(float), 256, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(512), np.arange(257)) / 512)
    power = np.abs((padded[3 * 256 : 3 * 256 + 512] * window) @ turns) ** 2
    assert np.allclose(found[3], np.log10(1e4 * power @ musicnn.slaney_bank(16000, 512, 96) + 1), atol=1e-4)


def test_a_short_recording_is_repeated_and_a_long_one_ends_with_its_last_patch(tools, tmp_path):
    short = Item("s", "audio", str(tools.sound(tmp_path / "s.wav", 1.0)))
    (window,) = patches(short, {})
    count = 1 + 16000 // 256
    assert (window.repeated, window.seconds, tuple(window.input.shape)) == (187 - count, 1.0, (187, 96))
    assert torch.equal(window.input[count : 2 * count], window.input[:count])
    long = Item("l", "audio", str(tools.sound(tmp_path / "l.wav", 4.0)))
    first, last = patches(long, {})
    assert (first.repeated, last.repeated) == (0, 0)
    every = spectrogram(waveform(long.path))
    assert (first.input.numpy() == every[:187]).all() and (last.input.numpy() == every[-187:]).all()


def test_the_published_weights_give_likelihoods(tools, tmp_path):
    pytest.importorskip("musicnn")  # carries them; nothing else of it is used
    network = load_musicnn(installed_musicnn())
    (window,) = patches(Item("a", "audio", str(tools.sound(tmp_path / "a.wav", 2.9, 880.0))), {})
    with torch.inference_mode():
        tags = network.tags(window.input[None])
        assert torch.equal(tags, network.tags(window.input[None]))
    assert float(tags.min()) > 0 and float(tags.max()) < 1
    assert isinstance(network, MusiCnn)
