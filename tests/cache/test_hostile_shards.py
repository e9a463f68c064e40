"""Shards that were made to be read into more than they hold: each is named, and nothing is opened or taken for it."""

import hashlib
import json
import os
import resource

import h5py
import numpy as np
import pytest

from fmn.cache import FeatureCache
from fmn.cache.check import verify
from fmn.cache.repair import repair
from fmn.errors import InputError
from fmn.sealed import without_seal

GIANT = 1 << 32
TEXT = h5py.string_dtype()


def forged(cache, change, **of_the_index):
    """Change the first video shard with h5py and give the index the new checksum, and what else it is to say."""
    content = without_seal(json.loads((cache / "index.json").read_text()))
    entry = next(each for each in content["shards"] if each["modality"] == "video")
    path = cache / entry["file"]
    with h5py.File(path, "r+") as file:
        change(file)
    entry.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)
    (cache / "index.json").write_text(json.dumps(content))
    return entry["file"]


def external(name, dtype, shape):
    def change(file):
        del file[name]
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        file.create_dataset(name, shape, dtype, external=[("/etc/passwd", 0, size)])

    return change


def instead(name, make):
    def change(file):
        del file[name]
        make(file, name)

    return change


def virtual(file, name):
    layout = h5py.VirtualLayout((5,), "<f8")
    layout[:] = h5py.VirtualSource("/elsewhere.h5", "seconds", (5,))
    file.create_virtual_dataset(name, layout)


def shared_text(file, name):
    """Five texts that are one of 10,000 letters, by references to the same place."""
    data = file.create_dataset(name, data=["x" * 10_000, *"abcd"], dtype=TEXT)
    place = data.id.get_offset()
    file.flush()
    path = file.filename
    file.close()
    with open(path, "r+b") as raw:
        raw.seek(place)
        first = raw.read(16)
        raw.seek(place)
        raw.write(first * 5)


def put(**options):
    return lambda file, name: file.create_dataset(name, **options)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (external("text", "S80", (5,)), "text is not stored in the file itself"),
        (external("features", "<f4", (5, 6)), "features is not stored in the file itself"),
        (instead("ids", lambda file, name: file.__setitem__(name, h5py.ExternalLink("/etc/x.h5", "ids"))), "is a link"),
        (instead("ids", lambda file, name: file.__setitem__(name, h5py.SoftLink("/labels"))), "is a link"),
        (instead("seconds", virtual), "seconds is not stored in the file itself"),
        (instead("features", put(shape=(5, 6), dtype="<f4", chunks=(1, 6))), "not stored in the file itself, in one"),
        (instead("features", put(data=np.zeros((5, 6), "<f4"), compression="gzip")), "in one piece and unpacked"),
        (instead("features", put(shape=(5, 6), dtype="<f4")), "declares 120 bytes, and 0 of the file's"),
        (instead("features", put(shape=(GIANT, 6), dtype="<f4", chunks=(1, 6))), "features must be f4"),
        (instead("text", put(shape=(5,), dtype=f"S{GIANT // 8}")), "text declares"),
        (instead("text", put(shape=(5,), dtype=h5py.ref_dtype)), "text must be 5 texts, not object"),
        (instead("windows", put(data=np.zeros(5, [("a", "<i4")]))), "windows must be i4"),
        (instead("windows", put(data=h5py.Empty("<i4"))), "windows must be i4"),
        (instead("text", shared_text), "text: it unpacks to more than the"),
        (lambda file: file.attrs.__setitem__("fingerprint", np.zeros(5000)), "its fingerprint is None"),
        (lambda file: file.attrs.create("schema", 1, shape=(1,)), "its schema is None"),
    ],
)
def test_a_shard_is_read_only_as_plainly_as_it_is_written(cache, change, said):
    name = forged(cache, change)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=f"(?s){name} is not what the index says: .*{said}"):
        FeatureCache(cache).features("video")
    assert [problem.file for problem in verify(cache)] == [name]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 200_000  # kB


def test_an_index_that_promises_a_giant_shard(cache):
    content = without_seal(json.loads((cache / "index.json").read_text()))
    entry = next(each for each in content["shards"] if each["modality"] == "video")
    os.truncate(cache / entry["file"], GIANT)  # a hole: it takes no room on the disk
    (problem,) = (each for each in verify(cache))
    assert problem.file == entry["file"] and "damaged" in problem.what
    assert repair(cache).mended == [entry["file"]] and verify(cache) == []


@pytest.mark.parametrize("kind", ["pipe", "folder", "nobody may read it"])
def test_what_cannot_be_read_is_one_damaged_shard_and_nobody_waits(cache, row, kind):
    path = next(cache.glob("video-*.h5"))
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/proc/1/mem")  # what root, too, cannot read
    (problem,) = verify(cache)
    assert problem.file == path.name and ("cannot be read" in problem.what or "is damaged" in problem.what)
    done = repair(cache)
    assert [each.file for each in done.removed] == [path.name] and done.items == 5
    assert verify(cache) == [] and FeatureCache(cache).ids("audio") == ["a0.wav", "a1.wav", "a2.wav"]


@pytest.mark.parametrize("name", ["index.json", "manifest.csv"])
def test_a_pipe_in_the_place_of_another_file(cache, name):
    (cache / name).unlink(missing_ok=True)
    os.mkfifo(cache / name)
    if name == "index.json":
        with pytest.raises(InputError, match="it is no regular file"):
            verify(cache)
    else:
        assert verify(cache) == []  # this cache never had a manifest: it is somebody's
