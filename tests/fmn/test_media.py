"""Media files by name."""

import os
import unicodedata

import pytest

from fmn.media import AUDIO_SUFFIXES, UNUSUAL_SUFFIXES, VIDEO_SUFFIXES, files_below, label_of, names, nfc, stem_of


def touched(root, *places):
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()
    return root


def test_a_recording_may_be_a_video_but_for_those_that_have_no_sound():
    assert {".mp4", ".mkv"} <= VIDEO_SUFFIXES & AUDIO_SUFFIXES
    assert {".gif", ".m2v"} <= VIDEO_SUFFIXES - AUDIO_SUFFIXES and ".wav" in AUDIO_SUFFIXES - VIDEO_SUFFIXES


def test_what_lies_below_a_folder(tmp_path):
    places = ("b/1.mp4", "a/deep/2.MKV", "3.mp4", "a/notes.txt", ".hidden/4.mp4", "a/.5.mp4", "a/6.wav")
    root = touched(tmp_path / "set", *places)
    other = touched(tmp_path / "other", "7.mp4")
    (root / "linked").symlink_to(other)
    (root / "a" / "again").symlink_to(root)
    below = files_below(root, VIDEO_SUFFIXES)
    assert below.files == ["3.mp4", "a/deep/2.MKV", "b/1.mp4", "linked/7.mp4"]
    assert (below.others, below.loops, below.unnamed, below.unreadable) == (2, [str(root / "a" / "again")], [], [])
    assert "leads back to a folder that it lies in" in below.loop_notices()[0]


def test_what_phones_and_recorders_write_is_taken():
    assert {".3ga", ".m4r", ".awb", ".snd", ".w64", ".rf64", ".mpga", ".eac3", ".spx", ".3gpp"} <= AUDIO_SUFFIXES
    assert {".3gpp", ".m2t", ".tod", ".dv", ".qt", ".rmvb", ".trp", ".mp4v"} <= VIDEO_SUFFIXES
    assert not UNUSUAL_SUFFIXES & (AUDIO_SUFFIXES | VIDEO_SUFFIXES)


def test_what_may_be_media_and_is_not_taken_is_named(tmp_path):
    root = touched(tmp_path, "1.mp4", "a/2.H264", "dump.hevc", "notes.txt", "voice.wav")
    below = files_below(root, VIDEO_SUFFIXES)
    assert (below.files, below.others, below.unusual) == (["1.mp4"], 4, ["a/2.H264", "dump.hevc"])


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_that_are_no_text_are_set_apart(tmp_path):
    try:
        touched(tmp_path, os.fsdecode(b"caf\xe9.mp4"), "1.mp4")
    except OSError:
        pytest.skip("this file system takes text only")
    below = files_below(tmp_path, VIDEO_SUFFIXES)
    assert (below.files, below.unnamed) == (["1.mp4"], ["caf\\udce9.mp4"])


def test_a_folder_that_cannot_be_read_is_told(tmp_path):
    below = files_below(tmp_path / "none", VIDEO_SUFFIXES)
    assert below.files == [] and below.unreadable == [(str(tmp_path / "none"), "No such file or directory")]


def test_labels_and_stems_are_the_same_on_every_machine():
    apart = unicodedata.normalize("NFD", "öl")
    assert apart != "öl" and label_of(f"{apart}/deep/1.mp4") == nfc(apart) == "öl"
    assert stem_of(f"{apart}/1.x.mp4") == "öl/1.x"


def test_names_for_a_sentence():
    assert names([]) == "" and names(["a", "b"]) == "a, b"
    assert names([str(n) for n in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
