"""The items of a set, and the plan that an extraction leaves."""

import os
import unicodedata

import pytest

from fmn.cache import CacheWriter
from fmn.cache.check import verify
from fmn.cache.repair import repair
from fmn.errors import InputError
from fmn.extract.items.manifest import PLAN_FILE, check_place, find_items, known_splits, read_manifest, write_plan
from fmn.item import Item


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_videos_alone_bring_their_own_tracks(tmp_path):
    path = write(
        tmp_path / "set.csv",
        "modality,path,label,pair,group,start,end\nvideo,a.mp4,open,,,1,2\nvideo,b.mp4,open,p,,,\nvideo,c.mp4,open,,g,,\n",
    )
    found = read_manifest(path)
    videos, sounds = found.items[:3], found.items[3:]
    assert [item.modality for item in found.items] == ["video"] * 3 + ["audio"] * 3
    assert [(item.pair, item.group) for item in videos] == [("", "a.mp4"), ("p", ""), ("", "g")]
    for video, sound in zip(videos, sounds, strict=True):
        assert (video.id, video.path, video.pair, video.group, video.start, video.end, video.label) == (
            sound.id,
            sound.path,
            sound.pair,
            sound.group,
            sound.start,
            sound.end,
            sound.label,
        )
    assert "own sound tracks of the 3 videos" in found.notices[0]


def test_missing_media_are_no_error_here(tmp_path):
    found = read_manifest(write(tmp_path / "set.csv", "modality,path\nvideo,nowhere.mp4\naudio,nowhere.wav\n"))
    assert len(found.items) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("modality,path\n", "a header but no rows"),
        ("modality,path\n,\n\n", "a header but no rows"),
        ("modality,path\naudio,a.wav\n", "lists 1 recordings and no video"),
        ("modality,path\nvideo,a.mp4\nvideo,b.mp4\nvideo,a.mp4\n", "line 4: the video id 'a.mp4' stands in line 2"),
        ("id,modality,path\nx,audio,a\nx,video,b\nx,audio,c\n", "line 4: the audio id 'x' stands in line 2"),
    ],
)
def test_a_manifest_that_is_no_set_is_a_sentence(tmp_path, text, words):
    path = write(tmp_path / "set.csv", text)
    with pytest.raises(InputError, match=words) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_items_come_from_folders_or_a_manifest_and_not_from_both(tmp_path):
    path = write(tmp_path / "set.csv", "modality,path\nvideo,a.mp4\naudio,a.wav\n")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").touch()
    assert [item.id for item in find_items(None, None, path).items] == ["a.mp4", "a.wav"]
    assert [item.id for item in find_items(tmp_path / "videos", None, None).items] == ["a.mp4", "a.mp4"]
    with pytest.raises(InputError, match="not from both"):
        find_items(tmp_path / "videos", None, path)
    with pytest.raises(InputError, match="nothing to extract"):
        find_items(None, None, None)


@pytest.mark.parametrize(("table", "disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")])
def test_names_in_another_unicode_form_than_on_the_disk_are_found(tmp_path, table, disk):
    def spelled(form, name):
        return unicodedata.normalize(form, name)

    folder = tmp_path / spelled(disk, "Käse")
    folder.mkdir()
    clip, voice = folder / spelled(disk, "öffnen.mp4"), folder / spelled(disk, "größer.wav")
    clip.touch()
    voice.touch()
    rows = f"video,Käse/öffnen.mp4,schön,ä\naudio,Käse/größer.wav,{spelled(disk, 'schön')},{spelled(disk, 'ä')}\n"
    path = write(tmp_path / "set.csv", "modality,path,label,group\n" + spelled(table, rows))
    found = read_manifest(path).items
    assert [item.path for item in found] == [str(clip), str(voice)]
    assert {item.label for item in found} == {spelled("NFC", "schön")}
    assert {item.group for item in found} == {spelled("NFC", "ä")}


def test_two_names_that_look_the_same_are_not_taken_for_each_other(tmp_path):
    names = ["e\u0323\u0307.mp4", "\u1eb9\u0307.mp4"]  # one letter in two forms, of which NFC is neither
    for name in names:
        (tmp_path / name).touch()
    rows = "".join(f"video,{name}\n" for name in (*names, "\u0117\u0323.mp4"))
    found = read_manifest(write(tmp_path / "set.csv", "modality,path\n" + rows)).items
    assert [item.path for item in found if item.modality == "video"][:2] == [str(tmp_path / name) for name in names]
    assert found[2].path == str(tmp_path / "\u0117\u0323.mp4")  # there is none, and nobody guesses


def test_a_plan_reads_back_as_a_manifest_and_keeps_the_splits(tmp_path):
    items = [
        Item("a", "video", "/a.mp4", split="train", start=0.1, end=0.30000000000000004, extra={"camera": "left"}),
        Item("b", "audio", "/b.wav", label="x", split="test", text='say "it"', extra={"voice": "ann"}),
    ]
    with CacheWriter(tmp_path) as writer:
        assert known_splits(tmp_path) == {}
        write_plan(writer, items)
    found = read_manifest(tmp_path / PLAN_FILE).items
    assert [item.extra for item in found] == [{"camera": "left", "voice": ""}, {"camera": "", "voice": "ann"}]
    for item, other in zip(items, found, strict=True):
        assert all(
            getattr(item, name) == getattr(other, name) for name in ("id", "path", "split", "start", "end", "text")
        )
    assert known_splits(tmp_path) == {("video", "a"): "train", ("audio", "b"): "test"}


def test_a_plan_keeps_names_that_are_not_utf8(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    with CacheWriter(tmp_path) as writer:
        write_plan(writer, [Item(name, "video", f"/{name}", split="val")])
    assert known_splits(tmp_path) == {("video", name): "val"}


def test_a_damaged_plan_is_a_sentence(tmp_path):
    with CacheWriter(tmp_path) as writer:
        (tmp_path / PLAN_FILE).write_text("id,path\n1,2\n")
        with pytest.raises(InputError, match="or is damaged"):
            known_splits(tmp_path)
        write_plan(writer, [Item("a", "video", "/a", split="train")])
    plan = (tmp_path / PLAN_FILE).read_text()
    (tmp_path / PLAN_FILE).write_text(plan.replace("train", "test"))
    with pytest.raises(InputError, match="it was changed"):
        known_splits(tmp_path)
    assert repair(tmp_path).mended == [PLAN_FILE]
    assert known_splits(tmp_path) == {("video", "a"): "train"}


def test_a_plan_that_cannot_be_healed_is_set_aside_and_failures_keep_their_side(tmp_path):
    with CacheWriter(tmp_path) as writer:
        write_plan(writer, [Item("a", "video", "/a", split="train")])
        writer.fail(Item("a", "video", "/a", split="train"), "No picture.")
    (tmp_path / PLAN_FILE).write_text("mine")
    assert repair(tmp_path).mended == [PLAN_FILE]  # it is small, but what was there is kept
    assert (tmp_path / f"damaged-{PLAN_FILE}").read_text() == "mine"
    (tmp_path / PLAN_FILE).write_text("mine again")
    (tmp_path / ".parity" / PLAN_FILE).unlink()
    (problem,) = repair(tmp_path).removed
    assert problem.file == PLAN_FILE and (tmp_path / f"damaged-1-{PLAN_FILE}").read_text() == "mine again"
    assert verify(tmp_path) == [] and known_splits(tmp_path) == {("video", "a"): "train"}


def test_a_manifest_of_somebody_elses_is_not_replaced(tmp_path):
    (tmp_path / PLAN_FILE).write_text("modality,path\nvideo,a.mp4\n")
    with pytest.raises(InputError, match="one of somebody else's"):
        check_place(tmp_path)
    with CacheWriter(tmp_path):  # begun, but no set was accepted and no plan written
        pass
    with pytest.raises(InputError, match="one of somebody else's"):
        check_place(tmp_path)
    with CacheWriter(tmp_path / "cache") as writer:
        writer.describe(seed=0)
        write_plan(writer, [Item("a", "video", "/a", split="train")])
    check_place(tmp_path / "cache")
    check_place(tmp_path / "new")
