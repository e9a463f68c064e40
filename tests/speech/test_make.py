"""Recordings on disk: what they are, what a rerun keeps, and what a killed run leaves."""

import signal
import subprocess
import sys
import time
import wave
from dataclasses import replace
from unittest.mock import Mock, call

import av
import numpy as np
import pytest

from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest
from fmn.extract.items.scan import scan
from fmn.extract.items.split import assign_splits
from fmn.extract.media.waveform import waveform
from fmn.files import TEMPORARY
from fmn.progress import Silence
from fmn.speech.clips import read_clips
from fmn.speech.make import make_speech
from fmn.speech.plan import PlanSettings, make_plan


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".speak.lock"
    }


def spoken(manifest, out, workers=1, watcher=None, **values):
    return make_speech(make_plan(read_clips(manifest), PlanSettings(**values)), out, workers, watcher)


def test_what_is_made(clips, tmp_path, rows):
    told = Mock(spec=Silence)
    made = spoken(clips, tmp_path / "audio", per_label=6, workers=2, watcher=told)
    assert (len(made.utterances), made.made, made.kept, made.failures) == (18, 18, 0, [])
    assert told.method_calls[0] == call.stage("speaking", 18)
    assert sorted(told.method_calls[1:]) == [call.step(8, 0), call.step(10, 0)]
    written = rows(made.manifest)
    assert [row["modality"] for row in written] == ["video"] * 6 + ["audio"] * 18
    total = 0
    for row in written[6:]:
        path = made.folder / row["path"]
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(int)
        assert 8_000 < len(samples) < 80_000 and 0.2 < np.abs(samples).max() / 32767 < 0.81
        total += len(samples) / 16_000 / 60
        assert row["group"] == row["voice"] and row["text"] and 125 <= int(row["rate"]) <= 215 and row["pitch"]
    assert made.minutes() == pytest.approx(total)
    assert made.minutes("train") + made.minutes("test") == pytest.approx(total)
    for split in ("train", "test"):
        assert {row["label"] for row in written if row["split"] == split} == {row["label"] for row in written}


def test_the_manifest_is_one_for_the_extraction(clips, tmp_path):
    made = spoken(clips, tmp_path / "deep" / "down" / "audio", per_label=4)
    items = read_manifest(made.manifest).items
    before = [(item.id, item.path, item.label) for item in read_manifest(clips).items if item.modality == "video"]
    assert [(item.id, item.path, item.label) for item in items if item.modality == "video"] == before
    divided = assign_splits(items)
    for modality in ("video", "audio"):
        assert {item.split for item in divided if item.modality == modality} == {"train", "test"}
    sides = {side: {item.group for item in divided if item.split == side} - {""} for side in ("train", "test")}
    assert sides["train"] and sides["test"] and not sides["train"] & sides["test"]
    sound = next(item for item in items if item.modality == "audio")
    assert len(waveform(sound.path)) > 8_000


def test_by_clip_pairs_and_splits_hold(tmp_path, manifest, rows):
    listed = [
        {"modality": "video", "path": f"videos/{n}.mp4", "split": split, "text": f"we see {n} apples", "camera": "c"}
        for n, split in enumerate(["train", "train", "test", "val"])
    ]
    made = spoken(manifest(tmp_path / "set.csv", listed), tmp_path / "audio", per_clip=1)
    written = rows(made.manifest)
    pairs = {row["pair"]: row for row in written if row["modality"] == "video"}
    assert set(pairs) == {f"videos/{n}.mp4" for n in range(4)} and pairs["videos/0.mp4"]["camera"] == "c"
    for row in (row for row in written if row["modality"] == "audio"):
        assert row["split"] == pairs[row["pair"]]["split"]
        assert f"{row['pair'][7]} apples" in row["text"]
    assert len({row["group"] for row in written} - {""}) >= 3


def test_two_folders_of_the_same_names_do_without_the_manifest(tmp_path, manifest):
    for label in ("pour milk", "cut onion"):
        for n in range(2):
            path = tmp_path / "videos" / label / f"{n}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    by_label = spoken(tmp_path / "videos", tmp_path / "audio", per_label=2)
    found = scan(tmp_path / "videos", by_label.folder)
    assert {(item.modality, item.label) for item in found.items} == {
        (modality, label) for modality in ("video", "audio") for label in ("pour milk", "cut onion")
    }
    flat = tmp_path / "flat"
    flat.mkdir()
    for n in range(3):
        (flat / f"{n}.mp4").touch()
    listed = [
        {"id": f"{n}.mp4", "modality": "video", "path": f"flat/{n}.mp4", "text": "go", "split": split}
        for n, split in enumerate(["train", "test", "test"])
    ]
    made = spoken(manifest(tmp_path / "flat.csv", listed), tmp_path / "said", per_clip=1)
    assert sorted(item.pair for item in scan(flat, made.folder).items) == ["0", "0", "1", "1", "2", "2"]


def test_flac_holds_the_same_samples(clips, tmp_path):
    plain = spoken(clips, tmp_path / "wav", per_label=2)
    packed = spoken(clips, tmp_path / "flac", per_label=2, format="flac")
    for one, other in zip(plain.utterances, packed.utterances, strict=True):
        with wave.open(str(plain.folder / one.place)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        with av.open(str(packed.folder / other.place)) as container:
            stream = container.streams.audio[0]
            assert (stream.codec_context.name, stream.rate, stream.layout.name) == ("flac", 16_000, "mono")
            assert np.array_equal(
                np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)]), samples
            )
    assert packed.minutes() == pytest.approx(plain.minutes(), abs=1e-4)
    again = spoken(clips, tmp_path / "again", per_label=2, format="flac")
    assert content(again.folder) == content(packed.folder)


def test_another_size_leaves_common_files_equal(clips, tmp_path, manifest, rows):
    small = spoken(clips, tmp_path / "small", per_label=4)
    fewer = manifest(tmp_path / "fewer.csv", rows(clips)[:2][::-1])
    large = spoken(fewer, tmp_path / "large", per_label=9, workers=2)
    common = {name: data for name, data in content(small.folder).items() if name.startswith("pour milk/")}
    assert len(common) == 4 and {name: content(large.folder)[name] for name in common} == common


def test_a_rerun_keeps_finished_files_and_restores_a_lost_one(clips, tmp_path):
    made = spoken(clips, tmp_path / "audio", per_label=4)
    before = content(made.folder)
    lost, kept = (made.folder / each.place for each in made.utterances[:2])
    lost.unlink()
    changed = kept.stat().st_mtime_ns
    (made.folder / "pour milk" / f"{TEMPORARY}123-002.wav").write_bytes(b"half")
    again = spoken(clips, tmp_path / "audio", per_label=4)
    assert (again.made, again.kept) == (1, 11)
    assert content(made.folder) == before and kept.stat().st_mtime_ns == changed


def test_another_plan_or_other_files_in_the_folder_are_refused(clips, tmp_path, manifest, rows):
    spoken(clips, tmp_path / "audio", per_label=2)
    before = content(tmp_path / "audio")
    with pytest.raises(InputError, match=r"another plan \(seed: 0 there, 1 now\)"):
        spoken(clips, tmp_path / "audio", per_label=2, seed=1)
    with pytest.raises(InputError, match="per label: 2 there, 3 now"):
        spoken(clips, tmp_path / "audio", per_label=3)
    fewer = manifest(tmp_path / "fewer.csv", rows(clips)[:2])
    with pytest.raises(InputError, match="labels, texts or clips of the manifest were others"):
        spoken(fewer, tmp_path / "audio", per_label=2)
    (tmp_path / "audio" / "speak.json").write_text("[")
    with pytest.raises(InputError, match="cannot be read"):
        spoken(clips, tmp_path / "audio", per_label=2)
    with pytest.raises(InputError, match="is not empty"):
        spoken(clips, tmp_path, per_label=2)
    with pytest.raises(InputError, match="is a file"):
        spoken(clips, clips, per_label=2)
    with pytest.raises(InputError, match="workers is 0"):
        spoken(clips, tmp_path / "new", per_label=2, workers=0)
    assert not (tmp_path / "new").exists()
    assert {name: data for name, data in content(tmp_path / "audio").items() if name != "speak.json"} == {
        name: data for name, data in before.items() if name != "speak.json"
    }


def test_what_cannot_be_spoken_is_set_aside(tmp_path, manifest, rows):
    listed = [
        {"modality": "video", "path": "a.mp4", "split": "train", "text": "cut it"},
        {"modality": "video", "path": "b.mp4", "split": "train", "text": "pour it"},
        {"modality": "video", "path": "c.mp4", "split": "test", "text": ""},
    ]
    path = manifest(tmp_path / "set.csv", listed)
    plan = make_plan(read_clips(path), PlanSettings(per_clip=1))
    plan.utterances[1] = replace(plan.utterances[1], text="...")
    made = make_speech(plan, tmp_path / "audio", 1)
    assert [name for name, _ in made.failures] == ["c.mp4", "b.wav"]
    assert "no sound from '...'" in dict(made.failures)["b.wav"]
    assert [row["path"] for row in rows(made.manifest, "audio")] == ["a.wav"]
    assert len(rows(made.manifest, "video")) == 3


SCRIPT = """
import sys
from pathlib import Path
from fmn.speech.clips import read_clips
from fmn.speech.make import make_speech
from fmn.speech.plan import PlanSettings, make_plan
from fmn.progress import Silence
class Told(Silence):
    def stage(self, *each): print(*each, flush=True)
    def step(self, *each): print(*each, flush=True)
if __name__ == "__main__":
    plan = make_plan(read_clips(Path(sys.argv[1])), PlanSettings(per_label=30))
    make_speech(plan, Path(sys.argv[2]), 2, Told())
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, manifest):
    """(manifest, files) of an uninterrupted run, by one process, of the plan of SCRIPT."""
    folder = tmp_path_factory.mktemp("whole")
    labels = ("pour milk", "cut onion", "take out spatula")
    listed = [{"modality": "video", "path": f"{label}.mp4", "label": label} for label in labels]
    path = manifest(folder / "set.csv", listed)
    made = spoken(path, folder / "audio", per_label=30)
    assert made.made == 90
    return path, content(made.folder)


@pytest.mark.parametrize("heard", [1, 3])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(whole, heard):
    clips, wanted = whole
    out = clips.parent / f"killed{heard}"
    script = clips.parent / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(clips), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(heard):
            assert process.stdout.readline()
        while heard == 1 and not list(out.glob("*/[!.]*.wav")):  # in the midst of a task
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.stdout.read()  # ends once the workers have ended, too
        assert process.wait() == -signal.SIGKILL
    left = content(out)
    files = {name: data for name, data in left.items() if name.endswith(".wav") and TEMPORARY not in name}
    assert 0 < len(files) < 90 and "manifest.csv" not in left
    assert {name: wanted[name] for name in files} == files
    again = spoken(clips, out, per_label=30)
    assert (again.kept, again.made) == (len(files), 90 - len(files))
    assert content(out) == wanted


def test_two_runs_in_one_folder_are_refused(clips, tmp_path):
    spoken(clips, tmp_path / "audio", per_label=2)
    code = (
        "import sys\nfrom filelock import FileLock\nlock = FileLock(sys.argv[1])\nlock.acquire()\n"
        "print('held', flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "audio" / ".speak.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "held"
        with pytest.raises(InputError, match="Another fmn-speak is writing"):
            spoken(clips, tmp_path / "audio", per_label=2)
        process.stdin.close()
    assert spoken(clips, tmp_path / "audio", per_label=2).kept == 6
