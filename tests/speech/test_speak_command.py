"""fmn-speak, as a user types it."""

import sys

import pytest
from click.testing import CliRunner

from fmn.commands.speak import main
from fmn.install import hint


def run(*arguments):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    return done.exit_code, " ".join(done.output.split())


def test_a_manifest_is_spoken_and_a_rerun_says_so(clips, tmp_path, rows):
    out = tmp_path / "audio"
    code, said = run(clips, "--out", out, "--per-label", 4, "--workers", 2)
    assert code == 0, said
    assert "speaking: 12/12" in said and "s left" in said
    for words in ("train 3 9 ", "test 3 3 ", "all 3 12 ", "12 made now, 0 there before", "fmn-extract --manifest"):
        assert words in said, said
    speakers = {
        split: {row["group"] for row in rows(out / "manifest.csv", "audio") if row["split"] == split}
        for split in ("train", "test")
    }
    assert all(speakers.values()) and not speakers["train"] & speakers["test"]
    code, said = run(clips, "--out", out, "--per-label", 4)
    assert code == 0 and "0 made now, 12 there before" in said


def test_a_folder_and_clips_one_by_one(tmp_path, rows):
    for label in ("pour milk", "dog", "cut onion"):
        for n in range(3):
            path = tmp_path / "videos" / label / f"{n}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    options = ("--per-clip", 1, "--format", "flac", "--workers", 1, "--train", 0.5)
    code, said = run(tmp_path / "videos", "--out", tmp_path / "audio", *options)
    assert code == 0 and "9 clips had no split" in said, said
    found = rows(tmp_path / "audio" / "manifest.csv")
    assert found[0]["modality"] == "video" and found[0]["id"] == "cut onion/0.mp4"
    assert found[0]["path"] == "../videos/cut onion/0.mp4" and found[0]["pair"] == found[9]["pair"] == found[0]["id"]
    assert all((tmp_path / "audio" / row["path"]).is_file() for row in found)
    assert found[9]["path"] == "cut onion/0.flac" and found[9]["label"] == "cut onion"


def test_quiet_prints_nothing_but_what_could_not_be_spoken(tmp_path, manifest):
    path = manifest(
        tmp_path / "set.csv",
        [
            {"modality": "video", "path": "a.mp4", "text": "go", "split": "train"},
            {"modality": "video", "path": "b.mp4", "text": "", "split": "test"},
        ],
    )
    code, said = run(path, "--out", tmp_path / "audio", "--per-clip", 1, "--workers", 1, "--quiet")
    assert code == 1
    assert said == "b.mp4: has no text and no label that can be said 1 could not be spoken and were set aside."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--per-label", 1), "2 to 10000"),
        (("--per-clip", 0), "1 to 100, not 0"),
        (("--per-clip", -3), "1 to 100, not -3"),
        (("--per-clip", 1, "--per-label", 5), "a label or a clip"),
        (("--train", 1.5), "between 0 and 1"),
        (("--train", "much"), "not a valid float"),
        (("--seed", -1), "seed"),
        (("--workers", 0), "workers is 0"),
        (("--format", "mp3"), "wav"),
    ],
)
def test_options_out_of_range_are_sentences(clips, tmp_path, options, words):
    code, said = run(clips, "--out", tmp_path / "audio", *options)
    assert code == 2 and words in said and "Traceback" not in said
    assert not (tmp_path / "audio").exists()


def test_input_that_is_none_is_a_sentence(tmp_path, manifest):
    path = tmp_path / "set.csv"
    for text, words in (
        ("modality,path\naudio,a.wav\n", "lists no video"),
        ("modality,path\nvideo,a.mp4\n", "None of the 1 clips has a label"),
        ("modality,path,split\nvideo,a.mp4,tarin\n", "line 2: the split is train, val, test or empty, not 'tarin'"),
        ("no table at all\n", "needs the columns modality and path"),
    ):
        path.write_text(text)
        code, said = run(path, "--out", tmp_path / "audio")
        assert code == 2 and words in said
    path.write_bytes(bytes(range(128, 256)) * 9)
    assert run(path)[0] == 2 and "not UTF-8" in run(path)[1]
    (tmp_path / "empty").mkdir()
    assert "no class sub-folder" in run(tmp_path / "empty")[1]
    code, said = run(tmp_path / "nowhere.csv")
    assert code == 2 and "cannot be read" in said


def test_a_missing_speech_package_is_a_sentence(clips, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    code, said = run(clips, "--out", tmp_path / "audio")
    assert code == 2 and hint("speech") in said
    assert not (tmp_path / "audio").exists()
