"""What all tests share: no network, one thread each (the cores are for their processes), and which of them are slow."""

import os
import signal
import wave
from dataclasses import replace
from pathlib import Path

import pytest

os.environ["FMN_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
MARKS = {  # folders and files, the longest first: several processes begin with what would else end alone
    "commands": ("slow", "media"),
    "packaging/test_wheel.py": ("slow", "media"),
    "examples": ("slow", "media"),
    "train": ("slow",),
    "extract/fitting": ("slow",),
    "extract/encoders": ("slow", "media"),
    "extract/networks": ("slow",),
    "demo": ("slow", "media"),
    "speech": ("slow", "media"),
    "extract/media": ("media",),
    "extract/weights": ("slow",),
    "extract/test_graph.py": ("slow",),
    "extract/test_faults.py": ("slow",),
    "extract/test_cluster.py": ("slow",),
    "extract/test_refused.py": ("slow",),
    "fmn/test_stopping.py": ("slow",),
    "extract/test_fetched.py": ("slow", "media"),
    "fmn/test_child.py": ("slow",),
    "cache/test_kill.py": ("slow",),
    "datasets/test_importing.py": ("slow",),
}

LINE = (
    "test_line.py",
    "test_bad_input.py",
    "test_enroll.py",
    "test_train.py",
    "test_doctor.py",
    "test_full_disk.py",
    "test_signals.py",
    "test_threads.py",
)  # of commands/, by the fixture that they share


def place(path: Path) -> tuple[int, tuple[str, ...]]:
    """Where a test file stands in MARKS, and its marks."""
    for number, (name, marks) in enumerate(MARKS.items()):
        if path == HERE / name or HERE / name in path.parents:
            return number, marks
    return len(MARKS), ()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m "not slow"` would leave out is not even imported."""
    terms = config.getoption("markexpr").split(" and ")
    return True if any(f"not {mark}" in terms for mark in place(collection_path)[1]) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The marks of folders, and the longest first."""
    for item in items:
        for mark in place(item.path)[1]:
            item.add_marker(mark)
    items.sort(key=lambda item: place(item.path)[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """A file's tests stay on one process, and those of all files that share the one whole line on the same."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "line" if Path(file).name in LINE else file

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    """Numbers that a test draws without naming a seed are the same ones every time."""
    import torch  # only now: it reads the threads' number above when it is imported

    torch.manual_seed(0)


def _write_small_set(folder, each=4, labels=("rise", "fall")):
    import av
    import numpy as np

    for k, label in enumerate(labels):
        for i in range(each):
            clip, sound = folder / "videos" / label / f"{i}.mp4", folder / "audio" / label / f"{i}.wav"
            clip.parent.mkdir(parents=True, exist_ok=True)
            sound.parent.mkdir(parents=True, exist_ok=True)
            with av.open(str(clip), "w") as container:
                stream = container.add_stream("libx264", rate=25)
                stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
                for t in range(16):
                    picture = np.full((48, 64, 3), 20 * i, np.uint8)
                    y = 2 * (15 - t if k == 0 else t)
                    picture[y : y + 14, 10 + 5 * i : 26 + 5 * i] = 200 + 10 * i
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode())
            pitch = np.linspace(200, 600, 9600)[:: 1 - 2 * k] * (1 + 0.05 * i)
            samples = 9000 * np.sin(2 * np.pi * np.cumsum(pitch) / 16000)
            with wave.open(str(sound), "wb") as file:
                file.setparams((1, 2, 16000, 0, "NONE", ""))
                file.writeframes(samples.astype("<i2").tobytes())


@pytest.fixture(scope="session")
def small_set():
    """small_set(folder) writes tiny clips, videos/LABEL/N.mp4, and recordings, audio/LABEL/N.wav, of two labels."""
    return _write_small_set


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    """A file of Bi-LSTM weights, small and random: one that is fitted at full width takes 17 s a pass."""
    from fmn.extract.networks.bilstm import untrained
    from fmn.extract.weights.bilstm_file import save_bilstm

    file = tmp_path_factory.mktemp("voice") / "bilstm.safetensors"
    save_bilstm(untrained(0, units=8), file)
    return file


@pytest.fixture(scope="session")
def begin(voice):
    """begin(cache) leaves what an interrupted extraction leaves, which the next one goes on with: its two encoders.

    They were asked for in no words but are small: at full size ten passes of fitting take three minutes, a clip 15 s.
    """
    from fmn.cache import CacheWriter
    from fmn.extract.encoders.registry import encoder_entry
    from fmn.extract.encoders.settings import ExtractSettings
    from fmn.extract.fitting.train_part import TrainPart
    from fmn.progress import Silence

    small = ExtractSettings(video_weights="random:0", short_side=40, crop=32, window=24, audio_weights=str(voice))

    def write(cache, *modalities):
        with CacheWriter(cache) as writer:
            for modality in modalities:
                entry = encoder_entry(modality, {"video": "i3d", "audio": "bilstm"}[modality])
                record = entry.settle(small, TrainPart(cache, [], lambda *_: iter(()), Silence(), 0, 1.0, "cpu"))
                writer.declare(replace(record, notes={**record.notes, "asked": entry.asked(ExtractSettings())}))

    return write
