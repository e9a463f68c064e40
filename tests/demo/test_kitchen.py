"""The demonstration set on disk: what is in it, and what its two parts never share."""

import csv
import json
import wave
from collections import Counter
from unittest.mock import Mock, call

import av
import numpy as np
import pytest

from fmn.demo.kitchen import CATEGORIES, make_kitchen
from fmn.errors import InputError
from fmn.files import TEMPORARY
from fmn.progress import Silence


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    return make_kitchen(tmp_path_factory.mktemp("set") / "kitchen", seed=3, videos=2, utterances=4, train=0.5)


@pytest.fixture(scope="module")
def rows(kitchen):
    with kitchen.manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_counts_and_paths(kitchen, rows):
    assert (kitchen.videos, kitchen.utterances, kitchen.made, kitchen.reused) == (40, 80, 120, 0)
    assert Counter(row["modality"] for row in rows) == {"video": 40, "audio": 80}
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert (kitchen.path / row["path"]).is_file()
        assert row["path"].split("/")[1] == row["label"]
    labels = Counter((row["modality"], row["label"], row["split"]) for row in rows)
    assert set(labels.values()) == {1, 2} and len(labels) == 20 * 2 * 2
    left = [path for path in kitchen.path.rglob("*") if path.name.startswith(TEMPORARY)]
    assert not left


def test_the_parts_share_no_voice_sentence_or_scene(rows):
    seen = {"train": Counter(), "test": Counter()}
    for row in rows:
        seen[row["split"]].update([row["group"]])
        if row["modality"] == "audio":
            variant = row["voice"].split("+")[1]
            seen[row["split"]].update([row["text"], f"variant {variant}"])
    assert len(seen["train"]) > 20 and len(seen["test"]) > 20
    assert not seen["train"].keys() & seen["test"].keys()


def test_an_utterance_says_its_category(rows):
    for row in rows:
        if row["modality"] == "audio":
            assert row["action"].split()[0][:3] in row["text"], row
            words = row["text"].replace(".", "").split()
            assert row["subject"] in row["text"] or "it" in words, row


def test_videos_play_at_25_frames_a_second_and_move(kitchen, rows):
    for row in [row for row in rows if row["modality"] == "video"][::5]:
        with av.open(str(kitchen.path / row["path"])) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
            assert stream.average_rate == 25 and not container.streams.audio
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert len(frames) == 64 and frames[0].shape == (120, 160, 3)
        first, last = frames[0].astype(int), frames[40].astype(int)
        assert np.mean(np.abs(first - last).max(axis=2) > 40) > 0.02, row["path"]


def test_utterances_are_16_khz_mono_and_loud_enough(kitchen, rows):
    for row in [row for row in rows if row["modality"] == "audio"][::5]:
        with wave.open(str(kitchen.path / row["path"])) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(int)
        assert 1.0 < len(samples) / 16_000 < 6.0
        assert 0.2 < np.abs(samples).max() / 32767 <= 0.81


def test_a_rerun_keeps_finished_files_and_restores_a_lost_one(kitchen, rows):
    video, audio = (
        kitchen.path / next(row["path"] for row in rows if row["modality"] == name) for name in ("video", "audio")
    )
    before = video.read_bytes(), audio.read_bytes(), kitchen.manifest.read_bytes()
    video.unlink()
    audio.unlink()
    told = Mock(spec=Silence)
    again = make_kitchen(
        kitchen.path,
        seed=3,
        videos=2,
        utterances=4,
        train=0.5,
        watcher=told,
    )
    assert (again.made, again.reused) == (2, 118)
    assert (video.read_bytes(), audio.read_bytes(), kitchen.manifest.read_bytes()) == before
    assert told.method_calls == [call.stage("drawing and speaking the kitchen", 2), call.step(2, 0)]


def test_an_item_does_not_depend_on_the_size_of_the_set(kitchen, rows, tmp_path):
    """Other counts, one worker: the items that both sets have in the same part are the same bytes."""
    larger = make_kitchen(tmp_path / "larger", seed=3, videos=3, utterances=2, train=0.5, workers=1)
    for place in [f"{category.label}/000" for category in CATEGORIES[::6]]:
        for file in (f"videos/{place}.mp4", f"audio/{place}.wav"):
            assert (larger.path / file).read_bytes() == (kitchen.path / file).read_bytes(), file


def test_another_set_in_the_folder_is_refused(kitchen, tmp_path):
    with pytest.raises(InputError, match=r"made with another plan \(seed: 3 there, 4 now\)"):
        make_kitchen(kitchen.path, seed=4, videos=2, utterances=4, train=0.5)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        make_kitchen(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        make_kitchen(tmp_path / "notes.txt")
    assert json.loads((kitchen.path / "kitchen.json").read_text())["seed"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "seed"),
        ({"videos": 1}, "videos"),
        ({"utterances": 0}, "utterances"),
        ({"train": 1.0}, "train share"),
        ({"videos": 2, "train": 0.1}, "leaves one part empty"),
        ({"workers": 0}, "worker"),
    ],
)
def test_wrong_arguments_are_named(arguments, words, tmp_path):
    with pytest.raises(InputError, match=words):
        make_kitchen(tmp_path / "set", **arguments)
    assert not (tmp_path / "set").exists()


def test_categories_share_things_and_motions():
    assert len(CATEGORIES) == 20 == len({category.label for category in CATEGORIES})
    subjects = Counter(category.subject for category in CATEGORIES)
    actions = Counter(category.action for category in CATEGORIES)
    assert all(count >= 2 for count in actions.values()) and len(actions) == 9
    assert sum(count >= 2 for count in subjects.values()) >= 6
