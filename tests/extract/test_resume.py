"""A second extraction into a cache: only a continuation of the first is taken."""

import numpy as np
import pytest

from fmn.cache import CacheWriter, EncoderRecord, Row
from fmn.errors import InputError
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.resume import check_continuation, check_seed, held_items, split_beside
from fmn.item import Item


def clip(folder, name, split="train", **more):
    path = folder / f"{name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(name.encode())
    return Item(name, "video", str(path), **{"label": "cut", "split": split, **more})


@pytest.fixture
def cache(tmp_path):
    with CacheWriter(tmp_path / "cache") as writer:
        writer.describe(seed=3, train=0.7)
        writer.declare(EncoderRecord("video", "toy", 2, {}, {"sha256": {}}))
        items = [
            clip(tmp_path / "set", f"c{i}", group=f"cam{i % 2}", split="train" if i % 2 else "test") for i in range(6)
        ]
        writer.add("toy", [Row(item, np.ones(2, np.float32), 1.0, 1, 0) for item in items])
    return tmp_path / "cache"


def test_the_same_set_and_a_moved_or_copied_one_are_continuations(cache, tmp_path):
    held = held_items(cache)
    assert len(held) == 6
    check_continuation(cache, [clip(tmp_path / "set", "c1", group="cam1")], held)
    check_continuation(cache, [clip(tmp_path / "copy", "c1", group="cam1")], held)
    (tmp_path / "set" / "c3.mp4").unlink()
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "c3.mp4").write_bytes(b"edited on the way")
    check_continuation(cache, [clip(tmp_path / "moved", "c3", group="cam1")], held)


def test_another_file_under_the_same_id_is_refused(cache, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c1.mp4").write_bytes(b"something else")
    with pytest.raises(InputError, match="another file of that id"):
        check_continuation(cache, [clip(tmp_path / "other", "c1", group="cam1")], held_items(cache))


@pytest.mark.parametrize("change", [{"label": "peel"}, {"group": "cam9"}, {"pair": "p"}, {"start": 1.0}, {"end": 2.0}])
def test_what_was_said_of_an_item_stays(cache, tmp_path, change):
    item = clip(tmp_path / "set", "c1", **{"group": "cam1", **change})
    with pytest.raises(InputError, match=next(iter(change))):
        check_continuation(cache, [item], held_items(cache))


def test_new_files_of_a_camera_join_its_side_even_when_the_old_ones_are_gone(cache, tmp_path):
    new = [clip(tmp_path / "set", f"n{i}", split="", group=f"cam{i % 2}") for i in range(4)]
    found = split_beside(cache, new, ExtractSettings(seed=3), held_items(cache))
    assert [item.id for item in found] == ["n0", "n1", "n2", "n3"]
    assert [item.split for item in found] == ["test", "train", "test", "train"]


def test_another_seed_is_refused_once_an_encoder_is_there(cache, tmp_path):
    with CacheWriter(tmp_path / "refused") as writer:  # an extraction that got no further than its plan
        writer.describe(seed=3)
        check_seed(writer, ExtractSettings(seed=4), {})
    with CacheWriter(cache) as writer:
        check_seed(writer, ExtractSettings(seed=3), held_items(cache))
        with pytest.raises(InputError, match="--seed 3"):
            check_seed(writer, ExtractSettings(seed=4), {})
        with pytest.raises(InputError, match="--seed 3"):
            check_seed(writer, ExtractSettings(seed=4), held_items(cache))
