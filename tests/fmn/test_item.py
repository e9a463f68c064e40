import dataclasses
import os

import pytest

from fmn.errors import InputError
from fmn.item import Item


def test_defaults():
    item = Item("a", "video", "/a.mp4")
    assert (item.label, item.split, item.pair, item.group, item.text) == ("", "", "", "", "")
    assert item.start is None and item.end is None and item.extra == {}
    assert len({item, Item("a", "video", "/a.mp4")}) == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"id": ""}, "needs an id"),
        ({"modality": "image"}, "not 'image'"),
        ({"split": "dev"}, "not 'dev'"),
        ({"label": "a\0b"}, "its label"),
        ({"text": "\ud800"}, "its text"),
        ({"id": "\udce4\udcb8\udcad"}, "its id"),
        ({"start": 2.0, "end": 1.0}, "start 2.0 and end 1.0"),
        ({"start": 1.0, "end": 1.0}, "0 <= start < end"),
        ({"start": -1.0}, "0 <= start < end"),
        ({"start": float("nan")}, "start nan"),
        ({"start": float("inf")}, "start inf"),
        ({"end": float("inf")}, "end inf"),
        ({"end": 0.0}, "end 0.0"),
    ],
)
def test_what_is_no_item(facts, said):
    with pytest.raises(InputError, match=said):
        Item(**{"id": "a", "modality": "video", "path": "/a.mp4", **facts})


def test_a_file_name_that_is_not_utf8_is_kept():
    name = os.fsdecode(b"caf\xe9.mp4")
    assert Item(name, "video", name).id == name


def test_items_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Item("a", "video", "/a.mp4").label = "b"
