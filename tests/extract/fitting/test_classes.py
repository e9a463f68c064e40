"""What is told apart: labels, else pairs of several clips, else single clips."""

from fmn.extract.fitting.classes import find_classes
from fmn.item import Item


def item(name, label="", pair=""):
    return Item(name, "video", f"/{name}.mp4", label=label, pair=pair)


def test_labels_come_first_and_an_unknown_one_is_in_no_class():
    items = [item("a", "pour"), item("b", "cut"), item("c", "cut"), item("d", "wash"), item("e")]
    found = find_classes(items, held={"c", "d"})
    assert found.method == "labels" and found.names == ("cut", "pour") and found.of == {"a": 1, "b": 0, "c": 0}


def test_pairs_serve_where_several_clips_share_one():
    items = [item("a", pair="1"), item("b", pair="1"), item("c", pair="2"), item("d", pair="2")]
    found = find_classes(items, held={"d"})
    assert found.method == "pairs" and found.of == {"a": 0, "b": 0, "c": 1, "d": 1}


def test_else_every_fitted_clip_is_its_own_class():
    items = [item("a", "same", "1"), item("b", "same", "2"), item("c", "same", "3")]
    found = find_classes(items, held={"c"})
    assert found.method == "clips" and found.of == {"a": 0, "b": 1}
