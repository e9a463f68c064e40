"""Folders as a manifest: the same labels and pairs as fmn-extract finds in the folders themselves."""

import pytest

from fmn.datasets.folders import import_folders
from fmn.datasets.imported import write_manifest
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest
from fmn.extract.items.scan import scan


def facts(items):
    return sorted((item.modality, item.id, item.path, item.label, item.pair) for item in items)


LAYOUTS = {
    "classes": (("open/1.mp4", "open/deep/2.mkv", "cló/3.avi", "notes.txt"), ("open/a.wav", "cló/b.flac")),
    "stems": (("1.mp4", "2.MP4"), ("1.wav", "2.mp3")),
    "own tracks, classes": (("open/1.mp4", "close/1.mp4"), None),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_manifest_says_what_the_folders_say(name, tmp_path, touched):
    clips, recordings = LAYOUTS[name]
    videos = touched(tmp_path / "videos", *clips)
    audio = None if recordings is None else touched(tmp_path / "audio", *recordings)
    found = import_folders(videos, audio)
    write_manifest(tmp_path / "manifest.csv", found.items)
    assert facts(read_manifest(tmp_path / "manifest.csv").items) == facts(scan(videos, audio).items)
    assert found.notices == []


def test_what_has_no_counterpart_is_kept_and_told(tmp_path, touched):
    videos = touched(tmp_path / "videos", "1.mp4", "2.mp4")
    found = import_folders(videos, touched(tmp_path / "audio", "2.wav", "3.wav"))
    assert [(row.id, row.pair) for row in found.items] == [("1.mp4", ""), ("2.mp4", "2"), ("2.wav", "2"), ("3.wav", "")]
    assert len(found.notices) == 2
    assert "1.mp4" in found.notices[0]
    assert "3.wav" in found.notices[1]


def test_loose_files_and_links_that_turn_back_are_told(tmp_path, touched):
    videos = touched(tmp_path / "videos", "open/1.mp4", "loose.mp4", ".hidden/2.mp4", "open/.3.mp4")
    (videos / "open" / "again").symlink_to(videos)
    found = import_folders(videos)
    assert [row.id for row in found.items] == ["open/1.mp4"]
    assert any("loose.mp4" in notice for notice in found.notices)
    assert any("leads back" in notice for notice in found.notices)


def test_names_that_no_manifest_can_hold_are_told(tmp_path, touched):
    videos = touched(tmp_path / "videos", "1.mp4")
    (videos / b"caf\xe9.mp4".decode("utf-8", "surrogateescape")).write_bytes(b"")
    found = import_folders(videos)
    assert [row.id for row in found.items] == ["1.mp4"]
    assert "rename it" in found.notices[0]


def test_folders_that_do_not_fit_are_refused(tmp_path, touched):
    flat, classes = touched(tmp_path / "flat", "1.mp4"), touched(tmp_path / "classes", "open/1.wav")
    with pytest.raises(InputError, match="Lay both out alike"):
        import_folders(flat, classes)
    with pytest.raises(InputError, match="does not exist"):
        import_folders(tmp_path / "none")
    with pytest.raises(InputError, match="is a file"):
        import_folders(flat / "1.mp4")
    with pytest.raises(InputError, match="holds no media file"):
        import_folders(touched(tmp_path / "texts", "1.txt"))
