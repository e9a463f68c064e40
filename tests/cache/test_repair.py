import json

import numpy as np
import pytest

from fmn.cache import CacheWriter, FeatureCache
from fmn.cache.check import verify
from fmn.cache.repair import repair
from fmn.errors import InputError
from fmn.sealed import without_seal


def files(cache):
    """Every file of the cache but the lock: its place and bytes."""
    found = (file for file in cache.rglob("*") if file.is_file() and file.name != ".writer.lock")
    return {file.relative_to(cache).as_posix(): file.read_bytes() for file in found}


def test_a_sound_cache_stays_as_it_is(cache):
    before = files(cache)
    done = repair(cache)
    assert (done.removed, done.items, done.swept) == ([], 0, [])
    assert files(cache) == before


@pytest.mark.parametrize("how", ["bytes", "missing", "empty"])
def test_a_damaged_shard_goes_and_only_its_items_come_back(cache, row, how):
    path = next(cache.glob("video-*.h5"))
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if how == "empty" else b"X" + data[1:-9] + b"X" + data[-8:])
    (cache / ".tmp-video-i3d-00009.h5").write_bytes(b"half")
    done = repair(cache)
    assert [problem.file for problem in done.removed] == [path.name] and done.items == 5
    assert done.swept == [".tmp-video-i3d-00009.h5"] and not path.exists()
    assert verify(cache) == []
    assert json.loads((cache / "index.json").read_text())["labels"] == ["cut"]
    with CacheWriter(cache) as writer:
        assert writer.done("video", "i3d") == set() and len(writer.done("audio", "bilstm")) == 3
        writer.add("i3d", [row("v0.mp4")])
    assert FeatureCache(cache).ids("video") == ["v0.mp4"]


def test_a_flag_that_a_killed_viewer_left_costs_no_row(cache, expected):
    path = max(cache.glob("video-*.h5"))
    whole = path.read_bytes()
    path.write_bytes(whole[:20] + b"\x01\0\0\0" + whole[24:])  # HDF5's "somebody has it open for writing"
    features = FeatureCache(cache)
    assert all(
        np.allclose(features.features("video")[at], expected(name)) for at, name in enumerate(features.ids("video"))
    )
    (problem,) = verify(cache)
    assert problem.file == path.name and "its rows are whole" in problem.what
    done = repair(cache)
    assert (done.mended, done.removed, done.items) == ([path.name], [], 0)
    assert path.read_bytes() == whole and verify(cache) == []


def test_a_folder_in_the_place_of_a_shard_is_one_damaged_shard(cache):
    first, *others = sorted(cache.glob("*.h5"))
    first.unlink()
    first.mkdir()
    assert [(problem.file, "no regular file" in problem.what) for problem in verify(cache)] == [(first.name, True)]
    assert others


def test_wrong_labels_are_set_right(cache):
    content = json.loads((cache / "index.json").read_text())
    content["labels"].append("zest")
    (cache / "index.json").write_text(json.dumps(without_seal(content)))
    assert repair(cache).items == 0
    assert verify(cache) == []


def test_not_while_somebody_writes(cache):
    with CacheWriter(cache), pytest.raises(InputError, match="Another process is writing"):
        repair(cache)


def test_what_is_no_cache_stays_untouched(tmp_path):
    with pytest.raises(InputError, match="Not a feature cache"):
        repair(tmp_path)
    assert list(tmp_path.iterdir()) == []
