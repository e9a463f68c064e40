"""What a file is said to be, and the networks run head and all: against plain loops, for want of the real outputs."""

from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fmn.errors import InputError
from fmn.extract.media.frames import frames
from fmn.extract.media.two_streams import VideoSettings, flow_clip, rgb_clip, stream_windows
from fmn.extract.networks.i3d import untrained_i3d
from fmn.extract.weights.checksums import weights_file
from fmn.extract.weights.file_report import check_file, verified
from fmn.extract.weights.i3d_outputs import Expected, agreement, clip_logits, kinetics_400, read_sample, sample_logits
from fmn.extract.weights.known import KNOWN, by_name

SMALL = VideoSettings(flow="dis", short_side=48, crop=40, window=8)


@pytest.fixture(scope="module")
def networks():
    return {"rgb": untrained_i3d(3, 0), "flow": untrained_i3d(2, 1)}


@pytest.fixture
def rgb_file(networks, tmp_path):
    save_file(networks["rgb"].state_dict(), tmp_path / "rgb.safetensors")
    return tmp_path / "rgb.safetensors"


def known_as(name, path):
    blob = weights_file(path).git_blob
    return tuple(replace(known, git_blob=blob) if known.name == name else known for known in KNOWN)


def test_a_good_file_is_described(rgb_file, networks):
    found = check_file(rgb_file)
    assert (found.seen.layout, found.seen.channels, found.seen.classes) == ("piergiaj", 3, 400)
    assert found.parameters == 12_697_264 == sum(value.numel() for value in networks["rgb"].parameters())
    assert found.finite and found.known is None and not found.problem
    assert check_file(rgb_file, known_as("i3d-rgb", rgb_file)).known.name == "i3d-rgb"


def test_charades_nan_and_broken_files_are_described_as_far_as_they_go(tmp_path):
    state = untrained_i3d(2, 0, num_classes=157).state_dict()
    save_file(state, tmp_path / "c.safetensors")
    assert not check_file(tmp_path / "c.safetensors").problem  # somebody's own fit of so many labels
    torch.save(state, tmp_path / "c.pt")
    found = check_file(tmp_path / "c.pt")
    assert (found.seen.channels, found.seen.classes, found.finite) == (2, 157, True)
    assert "fine-tuned on Charades" in found.problem and not found.stands_for
    state["Mixed_3b.b0.bn.running_mean"][0] = float("nan")
    state["logits.conv3d.weight"] = state["logits.conv3d.weight"][:20].clone()
    state["logits.conv3d.bias"] = state["logits.conv3d.bias"][:20].clone()
    save_file(state, tmp_path / "n.safetensors")
    found = check_file(tmp_path / "n.safetensors")
    assert found.finite is False and "Mixed_3b.b0.bn.running_mean holds values that are not finite" in found.problem
    (tmp_path / "empty.pt").touch()
    found = check_file(tmp_path / "empty.pt")
    assert found.seen is None and "is empty" in found.problem and found.file.git_blob.startswith("e69de29bb2d1d6434b8b")
    assert (
        check_file(tmp_path / "none.pt").file is None and "does not exist" in check_file(tmp_path / "none.pt").problem
    )


def test_files_of_other_networks_are_usable_elsewhere(tmp_path):
    state = {"blocks.0.conv.weight": torch.zeros(64, 3, 5, 7, 7), "blocks.6.proj.weight": torch.zeros(400, 2048)}
    torch.save({"model_state": state}, tmp_path / "I3D_8x8_R50.pyth")
    found = check_file(tmp_path / "I3D_8x8_R50.pyth")
    assert (found.seen.layout, found.seen.channels, found.seen.classes) == ("pytorchvideo", 3, 400)
    assert not found.problem and "not of the encoder i3d" in found.stands_for
    (tmp_path / "audio").write_bytes(b"checkpoint")
    assert "TensorFlow" in check_file(tmp_path / "audio", known_as("musicnn", tmp_path / "audio")).stands_for


def test_whether_a_file_is_the_published_one(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    catalogue = known_as("i3d-flow", tmp_path / "a")
    known = next(known for known in catalogue if known.name == "i3d-flow")
    assert verified(known, tmp_path / "a", catalogue) == "verified"
    assert verified(known, tmp_path / "b", catalogue) == "WRONG: unknown content"
    assert verified(by_name("i3d-rgb"), tmp_path / "a", catalogue) == f"WRONG: {known.published}"
    assert verified(by_name("slow-r50"), tmp_path / "a") == "not verified: no published hash known"


def test_a_clip_is_shown_as_the_extraction_shows_it(tmp_path, networks):
    rng = np.random.default_rng(0)
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 56, "yuv420p"
        ground = rng.integers(0, 255, (56, 64, 3), np.uint8)
        for t in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(ground, t, axis=1), format="rgb24")))
        container.mux(stream.encode())
    found = clip_logits(tmp_path / "clip.mp4", networks, SMALL)
    windows = list(stream_windows(frames(tmp_path / "clip.mp4"), SMALL))
    assert len(windows) == 2
    with torch.no_grad():
        rgb = sum(networks["rgb"](rgb_clip(window))[0].numpy() for window, _, _ in windows) / 2
        flow = sum(networks["flow"](flow_clip(field))[0].numpy() for _, field, _ in windows) / 2
    np.testing.assert_allclose(found["rgb"], rgb, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["flow"], flow, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["rgb + flow"], rgb + flow, rtol=1e-4, atol=1e-5)
    alone = clip_logits(tmp_path / "clip.mp4", {"rgb": networks["rgb"]}, replace(SMALL, flow="none"))
    assert list(alone) == ["rgb"]
    np.testing.assert_allclose(alone["rgb"], rgb, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match=r"heads have rgb 400, flow 3"):
        clip_logits(tmp_path / "clip.mp4", {**networks, "flow": untrained_i3d(2, 1, num_classes=3)}, SMALL)


def test_a_sample_goes_through_whole(tmp_path, networks):
    rng = np.random.default_rng(0)
    arrays = {name: rng.uniform(-1, 1, (1, 11, 40, 40, count)) for name, count in (("rgb", 3), ("flow", 2))}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        stream, read = read_sample(tmp_path / f"{name}.npy")
        assert stream == name and np.array_equal(read, array)
    found = sample_logits(arrays, networks)
    clip = torch.from_numpy(np.moveaxis(arrays["rgb"], 4, 1).astype(np.float32).copy())
    with torch.no_grad():
        np.testing.assert_allclose(found["rgb"], networks["rgb"](clip)[0].numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["rgb + flow"], found["rgb"] + found["flow"])
    with pytest.raises(InputError, match="flow array needs flow weights"):
        sample_logits(arrays, {"rgb": networks["rgb"]})


@pytest.mark.parametrize(
    ("array", "words"),
    [(np.zeros((1, 4, 8, 8, 4), np.float32), r"floats \[1, frames.*\[1, 4, 8, 8, 4\]"),
     (np.zeros((4, 8, 8, 3), np.float32), r"\[4, 8, 8, 3\]"), (np.zeros((1, 4, 8, 8, 3), np.uint8), "uint8"),
     (np.full((1, 4, 8, 8, 3), 255.0), "x / 127.5 - 1"), (np.full((1, 4, 8, 8, 3), np.nan), "finite"),
     (np.array([{"a": 1}], object), "cannot be read")],
)  # fmt: skip
def test_what_is_no_sample_is_refused(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=words):
        read_sample(tmp_path / "a.npy")


def test_files_that_are_no_arrays_are_refused(tmp_path):
    for name, content in (("empty.npy", b""), ("text.npy", b"hello there"), ("cut.npy", b"\x93NUMPY\x01\x00v")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as one"):
            read_sample(tmp_path / name)
    np.savez(tmp_path / "more.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="several arrays"):
        read_sample(tmp_path / "more.npz")
    with pytest.raises(InputError, match="No such file"):
        read_sample(tmp_path / "none.npy")


def test_outputs_agree_with_the_published_ones_or_the_first_difference_is_told():
    logits = np.zeros(400)
    logits[7], logits[30], logits[2] = 30.0, 20.0, -5.0
    norm = float(np.sqrt(30.0**2 + 20.0**2 + 5.0**2))
    names = kinetics_400()
    expected = Expected(norm * 1.0005, ((names[7], 29.95), (names[30], 20.05)))
    assert agreement(logits, expected) == ""
    assert "norm of the logits is 36.4" in agreement(logits, replace(expected, norm=norm * 1.002))
    assert "should have logit 30.2" in agreement(logits, replace(expected, top=((names[7], 30.2),)))
    assert f"where {names[31]} should" in agreement(logits, replace(expected, top=((names[7], 30), (names[31], 20))))
    assert "norm" in agreement(logits)
