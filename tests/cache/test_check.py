import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import h5py
import pytest

import fmn.cache
from fmn.cache import CacheWriter, FeatureCache
from fmn.cache.check import inspect, verify
from fmn.errors import InputError
from fmn.sealed import without_seal


def shard(cache, modality="video"):
    return next(cache.glob(f"{modality}-*.h5"))


def test_a_sound_cache(cache):
    assert verify(cache) == []


def test_one_changed_byte_anywhere_in_a_shard_is_found(cache):
    path = shard(cache)
    sound = path.read_bytes()
    for place in range(0, len(sound), 397):
        data = bytearray(sound)
        data[place] ^= 1
        path.write_bytes(bytes(data))
        (problem,) = verify(cache)
        assert problem.file == path.name and "sha256" in problem.what
        with pytest.raises(InputError, match=path.name):
            FeatureCache(cache).ids("video")
    path.write_bytes(sound)
    assert verify(cache) == []


def test_missing_and_orphaned_files_are_named(cache):
    path = shard(cache)
    path.rename(cache / "video-i3d-00077.h5")
    (cache / ".tmp-audio-bilstm-00009.h5").write_bytes(b"half")
    assert [(problem.file, problem.what.split(":")[0]) for problem in verify(cache)] == [
        (path.name, f"The shard {path.name} is missing."),
        (".tmp-audio-bilstm-00009.h5", "The index does not name it"),
        ("video-i3d-00077.h5", "The index does not name it"),
    ]


def test_an_id_in_two_shards_is_found(cache):
    content = json.loads((cache / "index.json").read_text())
    entry = next(each for each in content["shards"] if each["modality"] == "video")
    shutil.copy(cache / entry["file"], cache / "video-i3d-00099.h5")
    content["shards"].append({**entry, "file": "video-i3d-00099.h5"})
    (cache / "index.json").write_text(json.dumps(without_seal(content)))
    (problem,) = verify(cache)
    assert problem.file == "video-i3d-00099.h5" and f"5 of its ids stand in {entry['file']} too" in problem.what
    with pytest.raises(InputError, match="stand in two shards"):
        FeatureCache(cache).ids("video")


def test_labels_that_the_shards_do_not_have_are_found(cache):
    content = json.loads((cache / "index.json").read_text())
    content["labels"].append("zest")
    (cache / "index.json").write_text(json.dumps(without_seal(content)))
    (problem,) = verify(cache)
    assert problem.file == "index.json" and "differ in zest" in problem.what


def test_weights_kept_with_the_cache_are_checked(cache, record):
    data = b"not really weights"
    files = {"source": "fitted", "sha256": {"all": hashlib.sha256(data).hexdigest()}, "files": {"all": "w.safetensors"}}
    with CacheWriter(cache) as writer:
        writer.declare(dataclasses.replace(record(name="fitted"), weights=files))
    assert [problem.file for problem in verify(cache)] == ["w.safetensors"]
    (cache / "w.safetensors").write_bytes(data)
    assert verify(cache) == []
    (cache / "w.safetensors").write_bytes(b"other")
    assert "another sha256" in verify(cache)[0].what


def test_inspect_counts(cache):
    summary = inspect(cache)
    audio, video = summary.encoders
    assert (video.items, video.shards, video.seconds, video.padded) == (5, 1, 7.5, 2)
    assert video.splits == {"test": 2, "train": 3} and video.labels == {"cut": 2, "pour": 3}
    assert (audio.record.name, audio.items, audio.labels) == ("bilstm", 3, {"cut": 3})
    assert [(each.id, each.reason) for each in summary.failures] == [("bad.wav", "The file has no samples.")]
    assert summary.warnings == ["audio encoder: untrained."]
    assert summary.bytes == sum(file.stat().st_size for file in cache.iterdir() if not file.name.startswith("."))
    assert summary.protocol["seed"] == 7


def test_other_files_in_the_folder_are_none_of_its_business(tmp_path, row, record):
    """In a checkout the default cache folder is the source room itself."""
    path = tmp_path / "cache"
    no_data = shutil.ignore_patterns("*.h5", "*.json", "*.lock", "__pycache__")
    shutil.copytree(Path(fmn.cache.__file__).parent, path, ignore=no_data)
    (path / "video-holiday-00001.h5").write_bytes(b"not even HDF5")
    with h5py.File(path / "video-i3d-00004.h5", "w") as file:
        file["somebody's"] = [1, 2, 3]
    (path / ".tmp-notes.txt").write_text("Mine.")
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    assert "README.md" in before and "writer.py" in before
    for name in list(before):
        if name.endswith(".h5"):
            (path / name).rename(tmp_path / name)
    CacheWriter(path).close()
    for name in before:
        if name.endswith(".h5"):
            (tmp_path / name).rename(path / name)
    for n in range(3):
        with CacheWriter(path) as writer:
            writer.declare(record())
            writer.add("i3d", [row(f"v{n}")])
    assert FeatureCache(path).ids("video") == ["v0", "v1", "v2"] and verify(path) == []
    after = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    assert {name: after[name] for name in before} == before
    assert [inspect(path).encoders[0].shards, len(after) - len(before)] == [1, 2 + (".writer.lock" in after)]
