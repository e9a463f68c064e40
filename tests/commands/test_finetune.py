"""Fitting encoders from the shell: fmn-finetune, and the last resort of fmn-extract, on real media."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.extract.encoders.i3d import _made_for
from fmn.extract.weights.i3d_file import load_i3d
from fmn.extract.weights.i3d_header import read_about, write_fitted

SIZES = ("--short-side", "40", "--crop", "32", "--window", "8")
SCRATCH = ("--from", "scratch", *SIZES, "--batch", "6", "--workers", "0")


@pytest.fixture(scope="module")
def media(commands, tmp_path_factory):
    """39 clips, 27 of them for training: enough to fit on."""
    folder = tmp_path_factory.mktemp("fitting")
    commands.write_set(folder, clips=13, sounds=4)
    return folder


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("FMN_OFFLINE", "1")


@pytest.fixture(scope="module")
def fitted(commands, media):
    said = commands.run("fmn-finetune", "video", "videos", "audio", "--out", "w", "--epochs", "1", *SCRATCH, cwd=media)
    assert said.returncode == 0, said.stderr
    return said


def test_finetune_writes_weights_that_say_what_they_were_fitted_on(media, fitted):
    assert (
        "validation accuracy" in fitted.stdout
        and "--video-weights w/rgb.safetensors,w/flow.safetensors" in fitted.stdout
    )
    rows = list(csv.DictReader((media / "w/history.csv").open()))
    assert {(row["stream"], row["epoch"]) for row in rows} == {(s, e) for s in ("rgb", "flow") for e in "01"}
    assert (media / "w/curve.png").stat().st_size > 5000 and not list((media / "w").glob("state-*"))
    about = read_about(media / "w/flow.safetensors")
    assert about.stream == "flow" and about.classes == ("circle", "pulse", "sweep")
    assert about.fitted_on["items"] + about.fitted_on["held_out"] == len(about.keys) == 27
    load_i3d(media / "w/rgb.safetensors", 3)


def test_an_extraction_takes_sizes_and_flow_from_the_weights(commands, media, fitted, tmp_path):
    weights = "w/rgb.safetensors,w/flow.safetensors"
    cache = tmp_path / "cache"
    how = ("--cache", cache, "--audio-weights", commands.voice, "--workers", "0")
    commands.run("fmn-extract", "videos", "audio", "--video-weights", weights, *how, cwd=media, check=0)
    record = FeatureCache(cache).encoder("video")
    shown = {name: record.preprocessing[name] for name in ("short_side", "crop", "window", "fps", "flow")}
    assert shown == {"short_side": 40, "crop": 32, "window": 8, "fps": 12.5, "flow": "dis"}


def test_streams_fitted_for_different_frames_are_refused(media, fitted, tmp_path):
    about = read_about(media / "w/flow.safetensors")
    other = replace(about, shown=replace(about.shown, crop=36))
    write_fitted(tmp_path, "flow.safetensors", load_i3d(media / "w/flow.safetensors", 2), other)
    with pytest.raises(InputError, match="see the same frames"):
        _made_for({"rgb": media / "w/rgb.safetensors", "flow": tmp_path / "flow.safetensors"})


def test_weights_that_saw_the_test_split_are_refused(commands, media, fitted, tmp_path):
    weights = "w/rgb.safetensors,w/flow.safetensors"
    how = ("--seed", "1", "--cache", tmp_path / "c", "--audio-weights", commands.voice, "--workers", "0")
    said = commands.run("fmn-extract", "videos", "audio", "--video-weights", weights, *how, cwd=media)
    assert said.returncode == 2 and "must not be fitted on the test split" in said.stderr
    assert "i3d were fitted on" in said.stderr


def test_a_killed_fitting_goes_on_and_ends_in_the_same_weights(commands, media, fitted, tmp_path):
    program = shutil.which("fmn-finetune", path=str(Path(sys.executable).parent))
    typed = [program, "video", "videos", "audio", "--out", str(tmp_path / "w"), "--epochs", "1", *SCRATCH]
    process = subprocess.Popen(
        typed, cwd=media, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    state = tmp_path / "w/state-rgb.safetensors"
    until = time.monotonic() + 120
    while not state.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert state.exists() and not (tmp_path / "w/rgb.safetensors").exists()
    commands.run("fmn-finetune", *typed[1:], cwd=media, check=0)
    for stream, channels in (("rgb", 3), ("flow", 2)):
        one, other = (load_i3d(folder / f"{stream}.safetensors", channels) for folder in (media / "w", tmp_path / "w"))
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_a_finished_or_another_fitting_is_refused(commands, media, fitted):
    again = ("fmn-finetune", "video", "videos", "audio", "--out", "w", *SCRATCH)
    said = commands.run(*again, "--epochs", "1", cwd=media)
    assert said.returncode == 2 and "is finished" in said.stderr
    said = commands.run(*again, "--epochs", "3", cwd=media)
    assert said.returncode == 2 and "holds another fitting" in said.stderr


def test_without_weights_and_network_the_encoder_is_fitted_here_and_it_is_said(commands, media, nowhere, tmp_path):
    cache = tmp_path / "cache"
    how = ("--fit-minutes", "0.02", "--audio-weights", commands.voice, "--workers", "0")
    typed = ("fmn-extract", "videos", "audio", "--cache", cache, *SIZES, *how)
    said = commands.run(*typed, cwd=media, check=0)
    words = " ".join((said.stdout + said.stderr).split())
    assert "Warning: video encoder: fitted here" in " ".join(said.stdout.split())
    assert "fitted here from scratch" in words and "rgb_imagenet.pt and flow_imagenet.pt would do much better" in words
    record = FeatureCache(cache).encoder("video")
    assert record.warning.startswith("video encoder: fitted here from scratch, for want of published weights")
    assert set(record.weights["files"]) == {"rgb", "flow"} and not list(cache.glob(".fmn-fitting-*"))
    assert len(json.loads((cache / "index.json").read_text())["encoders"]) == 2
    again = commands.run(*typed, cwd=media, check=0)
    assert "there before" in again.stdout and "fitting I3D" not in again.stdout
    run = tmp_path / "run"
    commands.run("fmn-train", cache, "--run", run, cwd=media, check=0)
    table = commands.run("fmn-eval", "--cache", cache, "--run", run, cwd=media, check=0)
    assert "fitted here from scratch" in " ".join(table.stdout.split())
    found = commands.run("fmn-search", "audio/circle/0.wav", "--cache", cache, "--run", run, cwd=media, check=0)
    assert ".mp4" in found.stdout


def test_weights_begun_from_others_know_what_those_saw(commands, media, fitted, tmp_path):
    typed = (
        "fmn-finetune",
        "video",
        "videos",
        "audio",
        "--from",
        "w/rgb.safetensors,w/flow.safetensors",
        "--epochs",
        "1",
    )
    said = commands.run(*typed, "--seed", "1", "--out", tmp_path / "x", "--workers", "0", cwd=media)
    assert said.returncode == 2 and "was fitted on" in said.stderr and "this set's test split" in said.stderr


def test_other_media_of_the_same_names_do_not_go_on(commands, media, fitted, tmp_path):
    """A stamp alone is an attempt that came to nothing; with a state it is held to its items' content."""
    shutil.copytree(media / "w", tmp_path / "w", ignore=shutil.ignore_patterns("*.png", "flow*"))
    shutil.copytree(media / "videos", tmp_path / "videos")
    shutil.copytree(media / "audio", tmp_path / "audio")
    commands.write_clip(tmp_path / "videos/circle/0.mp4", 0, 77)
    commands.write_clip(tmp_path / "videos/circle/1.mp4", 0, 78)
    said = commands.run(
        "fmn-finetune", "video", "videos", "audio", "--out", "w", "--epochs", "1", *SCRATCH, cwd=tmp_path
    )
    assert said.returncode == 2 and "holds another fitting" in said.stderr


def test_too_few_clips_are_a_sentence(commands, tmp_path, nowhere):
    commands.write_set(tmp_path, clips=4, sounds=2)
    said = commands.run("fmn-finetune", "video", "videos", "audio", *SCRATCH, cwd=tmp_path)
    assert said.returncode == 2 and "at least 20 readable clips of two labels" in said.stderr
    said = commands.run("fmn-finetune", "video", "videos", "audio", "--maps", *SCRATCH, cwd=tmp_path)
    assert said.returncode == 2 and "--frozen-until" in said.stderr
    said = commands.run("fmn-finetune", "video", "videos", "audio", "--out", "k", cwd=tmp_path)
    assert said.returncode == 2 and "rgb_imagenet.pt and flow_imagenet.pt" in said.stderr and "scratch" in said.stderr


def test_maps_of_the_frozen_part_are_made_once(commands, media, tmp_path):
    typed = ("--from", "scratch", *SIZES, "--frozen-until", "Mixed_5b", "--maps", "--epochs", "1", "--workers", "0")
    commands.run("fmn-finetune", "video", "videos", "audio", "--out", tmp_path / "m", *typed, cwd=media, check=0)
    about = read_about(tmp_path / "m/rgb.safetensors")
    assert about.fitted_on["entry"] == "Mixed_5b" and not list((tmp_path / "m").glob(".frames-*"))


def test_finetune_audio_gives_weights_for_an_extraction(commands, media, tmp_path):
    small = ("--epochs", "1", "--units", "16", "--workers", "0")
    commands.run("fmn-finetune", "audio", "videos", "audio", "--out", tmp_path / "a", *small, cwd=media, check=0)
    weights = tmp_path / "a/bilstm.safetensors"
    how = ("--video-weights", "random:0", "--flow", "none", *SIZES, "--audio-weights", weights, "--workers", "0")
    commands.run("fmn-extract", "videos", "audio", "--cache", tmp_path / "c", *how, cwd=media, check=0)
    assert FeatureCache(tmp_path / "c").encoder("audio").dim == 32
    said = commands.run("fmn-extract", "videos", "audio", "--cache", tmp_path / "d", *how, "--seed", "5", cwd=media)
    assert said.returncode == 2 and "bilstm were fitted on" in said.stderr


def test_a_folder_of_somebody_elses_stays_as_it_is(commands, tmp_path, nowhere):
    commands.write_set(tmp_path, clips=1, sounds=2, labels=("circle", "sweep"))
    mine = tmp_path / "mine" / "finetune.json"
    mine.parent.mkdir()
    for text in ('{"rate": 1}', "[]", "mine"):
        mine.write_text(text)
        for how in (("video", *SCRATCH), ("audio", "--units", "8")):
            said = commands.run("fmn-finetune", *how[:1], "videos", "audio", "--out", "mine", *how[1:], cwd=tmp_path)
            assert said.returncode == 2 and "a folder of their own" in said.stderr
        assert mine.read_text() == text and [*mine.parent.iterdir()] == [mine]
