"""The set of digits on disk: what is in it, what its two parts never share, and what is refused."""

import csv
import sys
import wave
from collections import Counter
from itertools import pairwise
from unittest.mock import Mock, call

import av
import numpy as np
import pytest
from click.testing import CliRunner

from fmn.commands.digits import main
from fmn.demo.digits import WORDS, make_digits
from fmn.demo.handwriting import load_handwriting
from fmn.demo.spoken_digits import choose, read_spoken_digits
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest
from fmn.extract.media.waveform import waveform
from fmn.files import TEMPORARY
from fmn.install import hint
from fmn.progress import Silence

SPEAKERS = ("ann", "ben", "theo")
SMALL = {"videos": 2, "test_speakers": ("theo",), "seed": 3, "workers": 1}


def write_tone(path, digit, take, seconds=0.1):
    t = np.arange(int(8000 * seconds)) / 8000
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(2 * np.pi * (200 + 40 * digit + take) * t)).astype("<i2").tobytes())


def write_speech(folder, speakers=SPEAKERS, digits=range(10), takes=2):
    for speaker in speakers:
        for digit in digits:
            for take in range(takes):
                write_tone(folder / f"{digit}_{speaker}_{take}.wav", digit, take)
    return folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    folder = write_speech(tmp_path_factory.mktemp("speech"))
    (folder / "README.md").write_text("about")
    (folder / "7_theo.wav").write_text("not a take")
    return folder


@pytest.fixture(scope="module")
def made(speech, tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("made") / "set", speech, **SMALL)


@pytest.fixture(scope="module")
def rows(made):
    with made.manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_counts_and_what_is_told(made, rows):
    assert (made.videos, made.utterances) == ({"train": 10, "test": 10}, {"train": 40, "test": 20})
    assert (made.made, made.reused, made.others) == (20, 0, 2)
    assert made.speakers == {"train": ["ann", "ben"], "test": ["theo"]}
    counts = Counter((row["modality"], row["split"], row["label"]) for row in rows)
    assert counts == Counter(
        {(m, s, w): n for m, s, n in (("video", "train", 1), ("video", "test", 1), ("audio", "train", 4),
                                      ("audio", "test", 2)) for w in WORDS}
    )  # fmt: skip
    assert not [path for path in made.path.rglob("*") if path.name.startswith(TEMPORARY)]


def test_the_manifest_reads_back_as_the_extraction_reads_it(made, rows, speech):
    scan = read_manifest(made.manifest)
    assert len(scan.items) == len(rows) == 80 and not scan.notices
    assert len({item.id for item in scan.items}) == 80
    for item in scan.items:
        if item.modality == "audio":
            digit, speaker, _ = item.id.removesuffix(".wav").split("_")
            assert item.path == str(speech / item.id) and item.group == speaker
            assert item.label == item.text == WORDS[int(digit)]
        else:
            assert item.path == str(made.path / "videos" / item.label / item.id.split("/")[-1])
            assert item.extra["look"].startswith(f"page-{item.split}-")
    sound = next(item for item in scan.items if item.modality == "audio")
    assert np.abs(waveform(sound.path, None, None, 16_000)).max() > 0.1


def test_the_parts_share_no_speaker_image_or_page(rows, made):
    seen = {part: {row[name] for row in rows if row["split"] == part for name in ("group", "look")} - {""}
            for part in ("train", "test")}  # fmt: skip
    assert len(seen["train"]) > 12 and len(seen["test"]) > 12
    assert not seen["train"] & seen["test"]


def test_a_video_shows_an_image_of_its_digit(rows):
    _, digits = load_handwriting()
    for row in rows:
        if row["modality"] == "video":
            assert WORDS[digits[int(row["group"].removeprefix("image-"))]] == row["label"]


def test_no_image_is_in_both_parts_even_where_a_part_has_all_of_them(speech, tmp_path, monkeypatch):
    images, _ = load_handwriting()
    assert len(np.unique(images.reshape(-1, 64), axis=0)) == 1797  # nor twice under two numbers
    monkeypatch.setattr("fmn.demo.digits.make_missing", lambda *_: (0, {}))  # only the plan
    many = make_digits(tmp_path / "many", speech, **(SMALL | {"videos": 300}))
    groups = {"train": [], "test": []}
    for item in read_manifest(many.manifest).items:
        if item.modality == "video":
            groups[item.split].append(item.group)
    assert not set(groups["train"]) & set(groups["test"])
    assert len(set(groups["train"])) == 1198 and len(set(groups["test"])) == 599


def test_videos_play_at_25_frames_a_second_and_end_with_the_digit(made, rows):
    row = next(row for row in rows if row["modality"] == "video")
    with av.open(str(made.path / row["path"])) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.average_rate == 25 and not container.streams.audio
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(stream)]
    assert len(frames) == 64 and frames[0].shape == (120, 160)


def test_the_same_arguments_give_the_same_bytes_and_the_size_changes_nothing(made, speech, tmp_path):
    """Two workers against one, and 3 videos a digit against 2: what both sets have in the same part is the same."""
    again = make_digits(tmp_path / "again", speech, **(SMALL | {"videos": 3, "workers": 2, "train": 0.34}))
    assert again.videos == {"train": 10, "test": 20}
    for word in WORDS:
        for name in ("000.mp4", "001.mp4"):
            place = f"videos/{word}/{name}"
            assert (again.path / place).read_bytes() == (made.path / place).read_bytes(), place


def test_a_rerun_draws_only_what_is_missing(made, speech, rows):
    video = made.path / next(row["path"] for row in rows if row["modality"] == "video")
    before = video.read_bytes(), made.manifest.read_bytes()
    video.unlink()
    told = Mock(spec=Silence)
    again = make_digits(made.path, speech, **SMALL, watcher=told)
    assert (again.made, again.reused) == (1, 19)
    assert told.method_calls == [call.stage("drawing handwritten digits", 1), call.step(1, 0)]
    assert (video.read_bytes(), made.manifest.read_bytes()) == before


def test_utterances_are_dealt_over_the_speakers_and_more_contain_fewer(speech, tmp_path, monkeypatch):
    recordings = [each for each in read_spoken_digits(speech).recordings if each.digit == 4]
    chosen = [set(choose(recordings, n, np.random.default_rng(1))) for n in range(7)]
    for n, (few, more) in enumerate(pairwise(chosen)):
        assert len(few) == n and few < more
        counts = Counter(each.speaker for each in more)
        assert max(counts.values()) - min(counts[name] for name in SPEAKERS) <= 1
    monkeypatch.setattr("fmn.demo.digits.make_missing", lambda *_: (0, {}))
    few = make_digits(tmp_path / "few", speech, **SMALL, utterances=4)
    assert few.utterances == {"train": 30, "test": 10}
    with pytest.raises(InputError, match=r"train part \(ann, ben\) has 4 recordings of zero, but 6 of 9"):
        make_digits(tmp_path / "more", speech, **SMALL, utterances=9)


def test_another_set_in_the_folder_is_refused(made, speech, tmp_path):
    with pytest.raises(InputError, match="made with"):
        make_digits(made.path, speech, **(SMALL | {"seed": 4}))
    with pytest.raises(InputError, match=r"made with another plan \(test speakers: theo there, ann now"):
        make_digits(made.path, speech, **(SMALL | {"test_speakers": ("ann",)}))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        make_digits(tmp_path, speech, **SMALL)


def folders(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "seven.wav").touch()
    write_speech(tmp_path / "alone", ("ann",))
    write_speech(tmp_path / "nine", ("ann",))
    write_speech(tmp_path / "nine", ("theo",), range(9))


@pytest.mark.parametrize(
    ("folder", "speakers", "words"),
    [
        ("none", ("theo",), "does not exist"),
        ("names/seven.wav", ("theo",), "is a file"),
        ("empty", ("theo",), "holds no recording named like"),
        ("names", ("theo",), "but 1 other files"),
        ("alone", ("ann",), "of one speaker, ann"),
        ("nine", ("bob",), "'bob' has no recording .* are ann, theo"),
        ("nine", ("ann", "theo"), "Nobody is left for the train part"),
        ("nine", (), "Nobody is left for the test part"),
        ("nine", ("theo",), r"test part \(theo\) has no recording of the digit 9 \(nine\)"),
        ("nine", ("ann",), r"train part \(theo\) has no recording of the digit 9 \(nine\)"),
    ],
)
def test_a_wrong_folder_or_speaker_is_a_sentence(folder, speakers, words, tmp_path):
    folders(tmp_path)
    with pytest.raises(InputError, match=words):
        make_digits(tmp_path / "set", tmp_path / folder, **(SMALL | {"test_speakers": speakers}))
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "seed"),
        ({"videos": 1}, "videos a digit"),
        ({"utterances": 1}, "utterances a digit"),
        ({"train": 0.1}, "leaves one part empty"),
        ({"workers": 0}, "worker"),
    ],
)
def test_wrong_arguments_are_named(arguments, words, speech, tmp_path):
    with pytest.raises(InputError, match=words):
        make_digits(tmp_path / "set", speech, **(SMALL | arguments))
    assert not (tmp_path / "set").exists()


def test_recordings_in_sub_folders_are_found_and_hidden_ones_passed_over(tmp_path):
    write_speech(tmp_path / "recordings", ("ann", "theo"), takes=1)
    write_speech(tmp_path / ".old", ("ann",), takes=1)
    found = read_spoken_digits(tmp_path)
    assert len(found.recordings) == 20 and found.others == 0
    assert found.recordings[0].place == "recordings/0_ann_0.wav"


def test_the_command_says_what_there_is_and_what_comes_next(made, speech):
    out = made.path
    typed = [str(speech), "--out", str(out), "--videos", "2", "--seed", "3", "--test-speaker", "theo"]
    done = CliRunner().invoke(main, typed)
    assert done.exit_code == 0, done.output
    for words in (
        "0 videos drawn now, 20 there before",
        "train: 10 videos, 40 recordings of ann, ben",
        "test: 10 videos, 20 recordings of theo",
        "2 files were passed over",
        f"fmn-extract --manifest {out}/manifest.csv --cache {out}/cache",
        f"fmn-compare {out}/cache",
    ):
        assert words in done.output, done.output


def test_the_command_ends_in_a_sentence(speech, tmp_path, monkeypatch):
    done = CliRunner().invoke(main, [str(speech), "--out", str(tmp_path / "data")])
    assert done.exit_code == 2 and "'yweweler' has no recording" in done.output
    done = CliRunner().invoke(main, [str(speech), "--out", str(tmp_path / "data"), "--train", "1"])
    assert done.exit_code == 2 and "leaves one part empty" in done.output
    load_handwriting.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    done = CliRunner().invoke(main, [str(speech), "--out", str(tmp_path / "data"), "--test-speaker", "theo"])
    assert done.exit_code == 2 and hint("demo") in done.output
    assert not (tmp_path / "data").exists()
