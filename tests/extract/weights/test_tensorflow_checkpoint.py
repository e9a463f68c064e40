"""Checkpoints are written here byte by byte, as TensorFlow writes them, and every damage is found."""

import random

import numpy as np
import pytest
from crc32c import crc32c

from fmn.errors import InputError
from fmn.extract.weights.tensorflow_checkpoint import checkpoint_prefix, read_tensorflow_checkpoint

VALUES = {
    "conv2d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 1, 4),
    "conv2d/bias": np.float32([0.5, -1, 2]),
    "conv2d_1/bias": np.float32([7]),
    "step": np.array(300, np.int64),
    "empty": np.zeros((0, 3), np.float32),
    **{f"layer_{k}/beta": np.full(k, k, np.float64) for k in range(1, 30)},
}


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        assert (found[name] == value).all()


@pytest.mark.parametrize(
    ("data", "wanted"), [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (b"", 0)]
)
def test_crc32c_gives_the_published_values(data, wanted):
    assert crc32c(data) == wanted


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 5000])
def test_crc32c_of_long_data_is_that_of_the_bit_by_bit_rule(tools, size):
    data = random.Random(size).randbytes(size)
    assert crc32c(data) == tools.crc(data)


@pytest.mark.parametrize("form", ["prefix", "index", "folder"])
def test_names_shapes_types_and_values_come_back(tools, tmp_path, form):
    prefix = tools.checkpoint(tmp_path / "made" / "model.ckpt-7", VALUES)
    given = {"prefix": prefix, "index": tmp_path / "made" / "model.ckpt-7.index", "folder": tmp_path / "made"}[form]
    assert checkpoint_prefix(given) == prefix
    same(read_tensorflow_checkpoint(given), VALUES)


def test_a_checkpoint_without_a_name_is_found_in_its_folder(tools, tmp_path):
    folder = tmp_path / "MTT"
    folder.mkdir()
    tools.checkpoint(folder, VALUES)
    assert (folder / ".index").is_file()
    for given in (folder, folder / ".index"):
        same(read_tensorflow_checkpoint(given), VALUES)


def test_no_checkpoint_is_a_sentence(tools, tmp_path):
    with pytest.raises(InputError, match=r"NAME\.index beside"):
        read_tensorflow_checkpoint(tmp_path / "nothing")
    tools.checkpoint(tmp_path / "a", VALUES)
    tools.checkpoint(tmp_path / "b", VALUES)
    with pytest.raises(InputError, match="folder to several"):
        read_tensorflow_checkpoint(tmp_path)


def test_missing_data_and_other_types_are_named(tools, tmp_path):
    tools.checkpoint(tmp_path / "two" / "m", VALUES, shards=2)
    (tmp_path / "two" / "m.data-00000-of-00002").unlink()
    with pytest.raises(InputError, match=r"m\.data-00000-of-00002 is missing"):
        read_tensorflow_checkpoint(tmp_path / "two")
    tools.checkpoint(tmp_path / "text" / "m", VALUES, dtypes={"step": 7})
    with pytest.raises(InputError, match="'step' is not one array of plain numbers"):
        read_tensorflow_checkpoint(tmp_path / "text")


@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001"])
def test_every_damage_is_found(tools, tmp_path, suffix):
    prefix = tools.checkpoint(tmp_path / "m", VALUES)
    path = tmp_path / f"m{suffix}"
    sound = path.read_bytes()
    draw = random.Random(1)
    for _ in range(60):
        damaged = bytearray(sound)
        damaged[draw.randrange(len(sound))] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(damaged))
        try:
            found = read_tensorflow_checkpoint(prefix)
        except InputError:
            continue
        same(found, VALUES)  # the flipped bit was one that nobody reads
    for length in range(0, len(sound), 97):
        path.write_bytes(sound[:length])
        with pytest.raises(InputError):
            read_tensorflow_checkpoint(prefix)
