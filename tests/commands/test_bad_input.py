"""Bad input: a sentence, an exit code, and nothing else lost."""

import json
import shutil

import av
import numpy as np
import pytest

from fmn.cache import FeatureCache
from fmn.sealed import without_seal


def sentence(done, *words, code=2):
    assert done.returncode == code, done.stdout + done.stderr
    text = " ".join((done.stdout + done.stderr).split())
    for word in words:
        assert word in text, text


def test_folders_that_are_missing_or_empty(commands, tmp_path):
    (tmp_path / "empty").mkdir()
    commands.write_sound(tmp_path / "audio" / "a" / "1.wav")
    commands.write_clip(tmp_path / "videos" / "a" / "1.mp4")
    sentence(commands.run("fmn-extract", "nowhere/", "audio/", cwd=tmp_path), "nowhere")
    sentence(commands.run("fmn-extract", "videos/", "nowhere/", cwd=tmp_path), "nowhere")
    sentence(commands.run("fmn-extract", "empty/", "audio/", cwd=tmp_path), "empty")
    sentence(commands.run("fmn-extract", "videos/", "empty/", cwd=tmp_path), "empty")
    sentence(commands.run("fmn-extract", cwd=tmp_path), "nothing to extract")
    assert not list((tmp_path / "cache").glob("*.h5"))


def test_no_audio_for_any_video(commands, tmp_path):
    commands.write_sound(tmp_path / "audio" / "other" / "1.wav")
    commands.write_clip(tmp_path / "videos" / "a" / "1.mp4")
    sentence(commands.run("fmn-extract", "videos/", "audio/", cwd=tmp_path), "No audio for any video")


def test_encoders_and_weights_that_are_not_there(commands, line):
    def extract(*options):
        return commands.run("fmn-extract", "videos/", "audio/", "--cache", "other", *options, cwd=line.folder)

    sentence(extract("--video-encoder", "c3po"), "c3po", "i3d")
    sentence(extract("--audio-encoder", "c3po"), "c3po", "bilstm")
    sentence(extract("--video-weights", "random:x"), "random:SEED")
    sentence(extract("--audio-weights", "no.safetensors"), "no.safetensors")
    sentence(extract("--workers", "-1"), "--workers is from 0 to")
    sentence(extract("--train", "1.5"), "between 0 and 1")
    sentence(extract("--flow", "farneback"), "farneback")


def test_bad_items_are_named_and_the_rest_goes_on(commands, tmp_path):
    commands.write_set(tmp_path)
    videos, audio = tmp_path / "videos", tmp_path / "audio"
    (videos / "circle" / "text.mp4").write_text("this is no film\n" * 50)
    (audio / "circle" / "zero.wav").write_bytes(b"")
    commands.write_sound(audio / "sweep" / "silent.wav", level=0.0)
    commands.write_clip(videos / "sweep" / "one-frame.mp4", count=1)
    with av.open(str(videos / "pulse" / "sound-only.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        tone = np.sin(np.arange(16000) / 20).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.rate = 16000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    whole = (videos / "pulse" / "0.mp4").read_bytes()
    (videos / "pulse" / "cut.mp4").write_bytes(whole[: len(whole) // 2])

    done = commands.run("fmn-extract", "videos/", "audio/", *commands.small, cwd=tmp_path)
    sentence(done, "text.mp4", "zero.wav", "silent.wav", "sound-only.mp4", "cut.mp4", "5 items failed", code=1)
    cache = FeatureCache(tmp_path / "cache")
    assert len(cache.ids("video")) == 13 and len(cache.ids("audio")) == 12
    reasons = {failure.id: failure.reason for failure in cache.failures()}
    assert set(reasons) == {
        "circle/text.mp4", "circle/zero.wav", "sweep/silent.wav", "pulse/sound-only.mp4", "pulse/cut.mp4",
    }  # fmt: skip
    assert "silent" in reasons["sweep/silent.wav"]
    assert "no video" in reasons["pulse/sound-only.mp4"]
    one = dict(zip(cache.ids("video"), cache.repeated("video").tolist(), strict=True))
    assert one["sweep/one-frame.mp4"] == 23

    commands.run("fmn-train", "cache/", cwd=tmp_path, check=0)
    commands.run("fmn-eval", "--json", "report.json", cwd=tmp_path, check=0)
    failed = {failure["id"] for failure in json.loads((tmp_path / "report.json").read_text())["failed"]}
    assert failed == {name for name, failure in ((f.id, f) for f in cache.failures()) if failure.split == "test"}

    # Mended files are extracted by the next run, and their failures are gone; files that were taken away are forgotten.
    commands.write_sound(audio / "circle" / "zero.wav")
    for name in ("circle/text.mp4", "pulse/sound-only.mp4", "pulse/cut.mp4"):
        (videos / name).unlink()
    (audio / "sweep" / "silent.wav").unlink()
    commands.run("fmn-extract", "videos/", "audio/", *commands.small, cwd=tmp_path, check=0)
    assert not FeatureCache(tmp_path / "cache").failures()


def test_features_of_different_flow_do_not_mix(commands, line):
    done = commands.run("fmn-extract", "videos/", "audio/", *commands.frames, "--flow", "none", cwd=line.folder)
    sentence(done, "made differently", "flow")
    assert len(FeatureCache(line.folder / "cache").ids("video")) == 12


@pytest.mark.parametrize("command", ["fmn-train", "fmn-eval", "fmn-search"])
def test_a_cache_of_another_schema(commands, line, tmp_path, command):
    shutil.copytree(line.folder / "cache", tmp_path / "cache")
    index = without_seal(json.loads((tmp_path / "cache" / "index.json").read_text()))
    (tmp_path / "cache" / "index.json").write_text(json.dumps({**index, "schema": 99}))
    query = next((line.folder / "audio").glob("*/*.wav"))
    arguments = {
        "fmn-train": ("cache/",),
        "fmn-eval": ("--run", line.folder / "runs" / "001"),
        "fmn-search": (query, "--run", line.folder / "runs" / "001"),
    }[command]
    sentence(commands.run(command, *arguments, cwd=tmp_path), "99")


def test_a_run_made_on_other_features(commands, line, tmp_path):
    for name in ("videos", "audio"):
        shutil.copytree(line.folder / name, tmp_path / name)
    other = [word if word != "random:0" else "random:1" for word in commands.small]
    commands.run("fmn-extract", "videos/", "audio/", *other, cwd=tmp_path, check=0)
    done = commands.run("fmn-eval", "--run", line.folder / "runs" / "001", cwd=tmp_path)
    sentence(done, "fitted on", "video")


@pytest.mark.parametrize("ks", ["0,x", "0", "1,-2", "", "1.5"])
def test_a_recall_that_is_no_list_of_ranks(commands, line, ks):
    sentence(commands.run("fmn-eval", "--recall", ks, cwd=line.folder), "--recall takes whole numbers")


def test_no_cache_no_run_and_no_query(commands, line, tmp_path):
    sentence(commands.run("fmn-train", "cache/", cwd=tmp_path), "cache")
    sentence(commands.run("fmn-eval", cwd=tmp_path), "No trained run")
    sentence(commands.run("fmn-search", "nothing.wav", cwd=line.folder), "nothing.wav")
    (line.folder / "words.wav").write_text("no sound")
    sentence(commands.run("fmn-search", "words.wav", cwd=line.folder), "words.wav")
