"""Items are known by content and interval, not by name."""

import os

import pytest

from fmn.extract.weights.fitted_on import item_key, item_keys, named, seen_test_items
from fmn.item import Item


def item(path, name="x", split="test", start=None, end=None):
    return Item(name, "video", str(path), split=split, start=start, end=end)


def test_a_copy_has_the_same_key_and_another_interval_another(tmp_path):
    first, second, third = (tmp_path / name for name in "abc")
    first.write_bytes(b"one")
    second.write_bytes(b"one")
    third.write_bytes(b"two")
    assert item_key(item(first)) == item_key(item(second)) != item_key(item(third))
    assert item_key(item(first, start=0.0, end=1.0)) != item_key(item(first, start=1.0, end=2.0))
    assert item_key(item(tmp_path / "none")) == ""
    os.mkfifo(tmp_path / "pipe")  # which nobody writes into: reading it would wait for ever
    assert item_key(item(tmp_path / "pipe")) == ""
    assert item_keys([item(first), item(second), item(tmp_path / "none")]) == [item_key(item(first))]


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    before = item_key(item(path))
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert item_key(item(path)) != before


@pytest.mark.parametrize(
    ("fitted", "tested", "seen"),
    [
        ((None, None), (0.0, 1.0), True),
        ((0.0, 1.0), (None, None), True),
        ((0.0, 1.0), (1.0, 2.0), False),
        ((0.0, 1.0), (0.999, 2.0), True),
        ((2.0, None), (0.0, 2.0), False),
        ((None, 0.5), (0.4, None), True),
    ],
)
def test_a_shared_moment_is_enough(tmp_path, fitted, tested, seen):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    keys = [item_key(item(path, start=fitted[0], end=fitted[1]))]
    assert seen_test_items(keys, [item(path, start=tested[0], end=tested[1])]) == (["x"] if seen else [])
    assert seen_test_items(["nonsense", ""], [item(path)]) == []


def test_only_the_test_split_counts(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    items = [item(path, "seen"), item(path, "train", split="train")]
    assert seen_test_items([item_key(items[0])], items) == ["seen"] and seen_test_items([], items) == []
    assert named(["a", "b", "c", "d"]) == "a, b, c, ..."
