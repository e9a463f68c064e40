"""VGGish: the port's names, its order of axes, and the spectrogram by its plain rule."""

import numpy as np
import torch
from torch.nn import functional as F

from fmn.extract.encoders.vggish import load_vggish, patches, spectrogram
from fmn.extract.media.mel import htk_bank
from fmn.extract.media.waveform import waveform
from fmn.extract.networks.vggish import Vggish
from fmn.item import Item

CONVOLUTIONS = {0: (1, 64), 3: (64, 128), 6: (128, 256), 8: (256, 256), 11: (256, 512), 13: (512, 512)}
DENSE = {0: (12288, 4096), 2: (4096, 4096), 4: (4096, 128)}


def test_the_file_of_the_port_loads_and_gives_the_plain_network(tools, tmp_path):
    generator = torch.Generator().manual_seed(0)
    state = {}
    for kind, layers, size in (("features", CONVOLUTIONS, (3, 3)), ("embeddings", DENSE, ())):
        for number, (before, after) in layers.items():
            weight = torch.rand(after, before, *size, generator=generator) - 0.5
            state[f"{kind}.{number}.weight"] = weight * (24 / weight[0].numel()) ** 0.5
            state[f"{kind}.{number}.bias"] = torch.randn(after, generator=generator) * 0.1
    torch.save(state, tmp_path / "vggish-10086976.pth")
    network = load_vggish(tmp_path / "vggish-10086976.pth")
    patch = torch.randn(1, 96, 64, generator=generator)
    x = patch[:, None]
    for number in CONVOLUTIONS:
        x = F.relu(F.conv2d(x, state[f"features.{number}.weight"], state[f"features.{number}.bias"], padding=1))
        if number in (0, 3, 8, 13):
            x = F.max_pool2d(x, 2, 2)
    assert x.shape == (1, 512, 6, 4)
    x = torch.stack([x[0, :, t, band] for t in range(6) for band in range(4)]).reshape(1, -1)
    for number in DENSE:
        x = F.relu(F.linear(x, state[f"embeddings.{number}.weight"], state[f"embeddings.{number}.bias"]))
    with torch.inference_mode():
        found = network(patch)
    assert torch.allclose(found, x, atol=1e-4) and found.shape == (1, 128)


def test_the_names_are_the_ports():
    with torch.device("meta"):
        names = set(Vggish().state_dict())
    layers = [*(f"features.{k}" for k in CONVOLUTIONS), *(f"embeddings.{k}" for k in DENSE)]
    assert names == {f"{layer}.{leaf}" for layer in layers for leaf in ("weight", "bias")}


def test_the_spectrogram_is_that_of_the_plain_rule():
    sound = np.random.default_rng(0).normal(size=2000) * 0.1
    found = spectrogram(sound)
    assert found.shape == (1 + (2000 - 400) // 160, 64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(400), np.arange(257)) / 512)
    size = np.abs((sound[5 * 160 : 5 * 160 + 400] * window) @ turns)
    assert np.allclose(found[5], np.log(size @ htk_bank(16000, 512, 64, 125, 7500) + 0.01), atol=1e-5)


def test_patches_are_of_96_frames_and_the_last_one_ends_with_the_recording(tools, tmp_path):
    item = Item("a", "audio", str(tools.sound(tmp_path / "a.wav", 1.5)))
    first, last = patches(item, {})
    every = spectrogram(waveform(item.path))
    assert (first.input.numpy() == every[:96]).all() and (last.input.numpy() == every[-96:]).all()
    (short,) = patches(Item("b", "audio", str(tools.sound(tmp_path / "b.wav", 0.1))), {})
    assert short.repeated == 96 - 8 and short.seconds == 0.1
