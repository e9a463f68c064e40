"""The manifest is written whole, and nobody's corrections are lost."""

import csv

import pytest

from fmn.datasets.imported import write_manifest, write_table
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest
from fmn.item import Item


def test_every_value_comes_back(tmp_path):
    row = Item(
        id='a, "b"\n#1',
        modality="video",
        path=str(tmp_path / "videos" / "ö, 1.mp4"),
        label="pour, milk",
        split="val",
        pair="p",
        group="g",
        start=0.000001,
        end=12345.678901,
        text='say "it", slowly',
        extra={"tool": "knife; fork"},
    )
    recording = Item(id="a", path="/elsewhere/1.wav", modality="audio", extra={"voice": "x"})
    write_manifest(tmp_path / "manifest.csv", [row, recording])
    first, second = read_manifest(tmp_path / "manifest.csv").items
    for name in ("id", "path", "label", "split", "pair", "group", "start", "end", "text"):
        assert getattr(first, name) == getattr(row, name)
    assert first.extra == {"tool": "knife; fork", "voice": ""}
    assert (second.modality, second.path, second.start, second.end) == ("audio", "/elsewhere/1.wav", None, None)
    assert second.extra == {"tool": "", "voice": "x"}


def test_paths_below_the_manifest_are_relative_and_others_absolute(tmp_path):
    inside, outside = tmp_path / "set" / "videos" / "1.mp4", tmp_path / "other" / "2.mp4"
    path = tmp_path / "set" / "manifest.csv"
    write_manifest(path, [Item("1", "video", str(inside)), Item("2", "video", str(outside))])
    with path.open(newline="") as file:
        assert [line["path"] for line in csv.DictReader(file)] == ["videos/1.mp4", str(outside)]


def test_a_different_file_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "manifest.csv"
    rows = [Item("1", "video", str(tmp_path / "1.mp4"))]
    write_manifest(path, rows)
    write_manifest(path, rows)
    path.write_text(path.read_text() + "2,video,2.mp4,,,,,,,\n")
    with pytest.raises(InputError, match="is there already and is different"):
        write_manifest(path, rows)
    assert "2.mp4" in path.read_text()
    write_manifest(path, rows, overwrite=True)
    assert "2.mp4" not in path.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["manifest.csv"]


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="nothing to write"):
        write_manifest(tmp_path / "manifest.csv", [])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_table(tmp_path / "file" / "manifest.csv", ["a"], [], overwrite=False)
    with pytest.raises(InputError, match="is no text"):
        write_table(tmp_path / "manifest.csv", ["a"], [{"a": "a\udce9"}], overwrite=False)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
