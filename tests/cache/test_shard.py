"""Shards whose checksum fits but whose content does not: the index alone is no proof."""

import hashlib
import json

import h5py
import numpy as np
import pytest

from fmn.cache import FeatureCache
from fmn.cache.check import verify
from fmn.errors import InputError
from fmn.sealed import without_seal


def forge(cache, change):
    """Change the first video shard with h5py and give the index the new checksum."""
    content = json.loads((cache / "index.json").read_text())
    entry = next(each for each in content["shards"] if each["modality"] == "video")
    path = cache / entry["file"]
    with h5py.File(path, "r+") as file:
        change(file)
    entry.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)
    (cache / "index.json").write_text(json.dumps(without_seal(content)))
    return entry["file"]


def put(name, value, dtype=None):
    def change(file):
        del file[name]
        file.create_dataset(name, data=value, dtype=dtype)

    return change


def group_instead(file):
    del file["ids"]
    file.create_group("ids")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.__delitem__("features"), "features"),
        (lambda file: file.__delitem__("extra"), "extra"),
        (group_instead, "shape"),
        (put("features", np.zeros((5, 7), "f4")), r"features must be f4\[5, 6\], not float32\[5, 7\]"),
        (put("features", np.zeros((4, 6), "f4")), r"features must be f4\[5, 6\]"),
        (put("features", np.zeros((5, 6), "f8")), "not float64"),
        (put("features", np.full((5, 6), np.nan, "f4")), "not finite"),
        (put("ids", ["a"] * 5, h5py.string_dtype()), "an id stands there twice"),
        (put("ids", ["a", "b", "c", "d", ""], h5py.string_dtype()), "needs an id"),
        (put("labels", np.arange(5)), "labels must be 5 texts, not int64"),
        (put("labels", ["a"], h5py.string_dtype()), "labels must be 5 texts"),
        (put("split", ["dev"] * 5, h5py.string_dtype()), "not 'dev'"),
        (put("extra", ["{"] * 5, h5py.string_dtype()), "Expecting"),
        (put("extra", ['{"a": 1}'] * 5, h5py.string_dtype()), "JSON object of texts"),
        (put("seconds", np.full(5, np.inf)), "finite and at least 0"),
        (lambda file: file.create_dataset("notes", data=["\x1b[2J"] * 5, dtype=h5py.string_dtype()), "of one line"),
        (lambda file: file.create_dataset("notes", data=["a"], dtype=h5py.string_dtype()), "notes must be 5 texts"),
        (put("repeated", np.full(5, -1, "i4")), "at least 0"),
        (put("end", np.full(5, -2.0)), "0 <= start < end"),
        (lambda file: file.attrs.__setitem__("fingerprint", "00"), "its fingerprint is 00"),
        (lambda file: file.attrs.__setitem__("schema", 2), "its schema is 2"),
        (lambda file: file.attrs.__delitem__("encoder"), "its encoder is None"),
    ],
)
def test_content_that_is_not_what_the_index_says(cache, change, said):
    name = forge(cache, change)
    with pytest.raises(InputError, match=f"(?s){name} is not what the index says: .*{said}.*fmn-cache repair"):
        FeatureCache(cache).features("video")
    assert [problem.file for problem in verify(cache)] == [name]


def test_a_shard_of_another_encoder_under_this_name(cache):
    content = json.loads((cache / "index.json").read_text())
    video, audio = (next(e for e in content["shards"] if e["modality"] == which) for which in ("video", "audio"))
    data = (cache / audio["file"]).read_bytes()
    (cache / video["file"]).write_bytes(data)
    video.update(sha256=audio["sha256"], bytes=audio["bytes"], items=audio["items"])
    (cache / "index.json").write_text(json.dumps(without_seal(content)))
    with pytest.raises(InputError, match="its modality is audio, not video"):
        FeatureCache(cache).ids("video")


def test_the_text_columns_are_plain_utf8_for_h5py(cache):
    name = next(file.name for file in cache.glob("video-*.h5"))
    with h5py.File(cache / name, "r") as file:
        assert file["ids"].asstr()[()].tolist() == ["v4.mp4", "v0.mp4", "v2.mp4", "v3.mp4", "v1.mp4"]
        assert file["features"].dtype == "<f4" and file["features"].shape == (5, 6)
        assert np.isnan(file["start"][()]).all() and file["windows"].dtype == "<i4"
        assert dict(file.attrs)["encoder"] == "i3d"
