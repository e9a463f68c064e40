"""Real media made here, and the real commands run on it once for all tests of this folder."""

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from click.testing import CliRunner

LABELS = ("circle", "sweep", "pulse")
FRAMES = ("--video-weights", "random:0", "--short-side", "40", "--crop", "32", "--window", "24")


def write_clip(path, label=0, seed=0, count=20):
    """A small h264 clip; the label decides the motion, the seed the colours."""
    random = np.random.default_rng([label, seed])
    back, front = random.integers(0, 100, 3), random.integers(150, 255, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for k in range(count):
            picture = np.empty((48, 64, 3), np.uint8)
            picture[:] = back
            t = k / 20 + random.uniform(0, 0.02)
            x, y, size = ((20 + 15 * np.cos(6 * t), 20 + 15 * np.sin(6 * t), 8), (50 * t, 20, 8), (28, 20, 4 + 12 * t))[
                label
            ]
            picture[int(y) : int(y + size), int(x) : int(x + size)] = front
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def write_sound(path, label=0, seed=0, seconds=0.3, level=0.4):
    """A WAV of some tones; the label decides their order, the seed their pitch."""
    random = np.random.default_rng([label, seed])
    t = np.arange(int(16000 * seconds)) / 16000
    base = 200 * random.uniform(0.9, 1.1)
    steps = ((1, 2, 4), (4, 2, 1), (1, 4, 1))[label]
    pitch = base * np.repeat(steps, -(-len(t) // 3))[: len(t)]
    wave = level * np.sin(2 * np.pi * np.cumsum(pitch) / 16000) + 0.01 * level * random.normal(size=len(t))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = (np.clip(wave, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 16000
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)


def write_set(folder, clips=4, sounds=4, labels=LABELS):
    for label, name in enumerate(labels):
        for i in range(clips):
            write_clip(folder / "videos" / name / f"{i}.mp4", label, i)
        for i in range(sounds):
            write_sound(folder / "audio" / name / f"{i}.wav", label, i)


def start(name, *arguments, cwd, check=None):
    """A console script of the environment, as a user would start it: 5 s alone to import torch and Dask."""
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert program, f"{name} is not installed"
    done = subprocess.run([program, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=600)
    return checked(done, check)


def run(name, *arguments, cwd, check=None):
    """The same command in this process, which has everything imported already."""
    (entry,) = entry_points(group="console_scripts", name=name)
    before = Path.cwd()
    os.chdir(cwd)
    try:
        done = CliRunner().invoke(entry.load(), [str(argument) for argument in arguments])
    finally:
        os.chdir(before)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return checked(SimpleNamespace(returncode=done.exit_code, stdout=done.stdout, stderr=done.stderr), check)


def checked(done, code):
    assert "Traceback" not in done.stderr and done.returncode != 70, done.stderr
    if code is not None:
        assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def commands(voice):
    """What the tests here share. small: options of a quick extraction, in which nothing is fitted."""
    small = (*FRAMES, "--workers", "0", "--audio-weights", str(voice))
    return SimpleNamespace(
        start=start,
        run=run,
        write_clip=write_clip,
        write_sound=write_sound,
        write_set=write_set,
        small=small,
        voice=voice,
        frames=FRAMES,
    )


@pytest.fixture(scope="session")
def line(begin, tmp_path_factory):
    """The whole line, once: a folder with videos/, audio/, cache/ and runs/001, and what the commands said.

    Its Bi-LSTM is a small one, as `begin` leaves it.
    """
    folder = tmp_path_factory.mktemp("line")
    write_set(folder)
    begin(folder / "cache", "audio")
    said = {
        "extract": start("fmn-extract", "videos/", "audio/", *FRAMES, cwd=folder, check=0),
        "train": start("fmn-train", "cache/", cwd=folder, check=0),
        "eval": start("fmn-eval", "--recall", "1,10,25", cwd=folder, check=0),
    }
    return SimpleNamespace(folder=folder, said=said)
