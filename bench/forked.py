"""Commands of fmn in processes that have everything imported already, and a small set that they work on.

A command started from the shell imports for seconds before it does anything. Here it is forked off a process that has
imported all but begun nothing: what it does is the same, and hundreds of runs take minutes.
"""

import csv
import os
import select
import signal
import sys
import time
import traceback
import wave
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import av
import numpy as np

LABELS = ("rise", "fall", "both", "hold")
SIZES = ("--flow", "none", "--short-side", "40", "--crop", "32", "--window", "8", "--fps", "25")
ENCODERS = ("--video-weights", "random:0", "--audio-encoder", "vmnet")
PATIENCE = 600.0  # seconds after which a run counts as hung


@dataclass
class Ended:
    """code: as a shell tells it, None for a run that hung."""

    code: int | None
    said: str
    seconds: float

    @property
    def is_a_sentence(self):
        """Whether it failed as a command may fail."""
        return self.code in (1, 2, 130, 143) and "Error: " in self.said and not self.is_a_defect

    @property
    def is_a_defect(self):
        """Whether anything in it is no sentence."""
        return self.code in (None, 70) or "Traceback" in self.said or "defect of fmn" in self.said


class Running:
    """A command in a process group of its own. `before`: called in it before it begins."""

    def __init__(self, name, *arguments, before=None):
        (entry,) = entry_points(group="console_scripts", name=name)
        main = entry.load()
        reading, writing = os.pipe()
        self.began = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            os.setpgid(0, 0)
            for stream in (1, 2):
                os.dup2(writing, stream)
            os.closerange(3, 256)
            sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
            signal.signal(signal.SIGINT, signal.default_int_handler)  # which what runs in the background ignores
            code = 70
            try:
                if before:
                    before()
                main.main([str(argument) for argument in arguments], prog_name=name)
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else int(bool(error.code))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code or 0)
        os.setpgid(self.pid, self.pid)  # here too: it may be killed before it comes to it
        os.close(writing)
        self.reading = reading

    def kill(self):
        """End the whole group, as a lost machine would."""
        os.killpg(self.pid, signal.SIGKILL)

    def send(self, number, to_all):
        """A signal to the command, or to all of its group as a terminal sends it."""
        (os.killpg if to_all else os.kill)(self.pid, number)

    def running(self):
        """Whether the command itself is."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def end(self, patience=PATIENCE):
        """Wait for it and all that it started: they hold the pipe."""
        said, deadline = b"", self.began + patience
        while (left := deadline - time.monotonic()) > 0 and select.select([self.reading], [], [], left)[0]:
            piece = os.read(self.reading, 1 << 16)
            if not piece:
                break
            said += piece
        hung = time.monotonic() >= deadline
        if hung:
            self.kill()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.reading)
        code = None if hung else os.waitstatus_to_exitcode(status)
        return Ended(code, said.decode(errors="replace"), time.monotonic() - self.began)


def run(name, *arguments, before=None):
    """A command, to its end."""
    return Running(name, *arguments, before=before).end()


def imported():
    """Import what the commands import."""
    import distributed  # noqa: F401
    from rich import console, progress, table  # noqa: F401

    import fmn.extract.encode_folders
    import fmn.extract.pipeline
    import fmn.retrieval.enrolled_run
    import fmn.train.experiments.comparison
    import fmn.train.experiments.comparison_report
    import fmn.train.memory_run  # noqa: F401


def make_media(folder, clips, sounds, labels=LABELS, first=0):
    """videos/LABEL/N.mp4 of eight frames, audio/LABEL/N.wav of 0.2 s, and manifest.csv. The labels look and sound as
    their numbers from `first` say."""
    rows = []
    for place, label in enumerate(labels, first):
        for part, count, write, ending in (("videos", clips, _clip, "mp4"), ("audio", sounds, _sound, "wav")):
            for number in range(count):
                path = folder / part / label / f"{number}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, place, number)
                rows.append([{"videos": "video", "audio": "audio"}[part], f"{part}/{label}/{path.name}", label])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["modality", "path", "label"], *rows])


def _clip(path, label, number):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 40, "yuv420p"
        for at in range(8):
            picture = np.full((40, 48, 3), 12 * number, np.uint8)
            picture[4 * label : 4 * label + 12, 3 * at : 3 * at + 12] = 250 - 9 * number
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _sound(path, label, number):
    pitch = np.linspace(200, 200 * (1 + label), 3200) * (1 + 0.03 * number)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((9000 * np.sin(2 * np.pi * np.cumsum(pitch) / 16000)).astype("<i2").tobytes())


def extraction(media, cache, workers=1):
    """The words of an extraction of `make_media`."""
    shared = ("--manifest", media / "manifest.csv", "--cache", cache, "--workers", workers)
    return ("fmn-extract", *shared, *ENCODERS, *SIZES)


def features(cache):
    """{modality: {id: the bytes of its vector}}; AssertionError for an id that stands twice or an item that failed."""
    from fmn.cache import FeatureCache

    found = FeatureCache(cache)
    assert not found.failures(), found.failures()
    vectors = {}
    for modality in ("video", "audio"):
        record = found.encoder(modality)
        ids = found.ids(modality, record.name)
        assert len(ids) == len(set(ids))
        rows = found.features(modality, record.name)
        vectors[modality] = {name: row.tobytes() for name, row in zip(ids, rows, strict=True)}
    return vectors


def weights(run):
    """What a run has learnt: the bytes of its tensors, whatever its files say of times."""
    from safetensors.numpy import load_file

    files = sorted(path for path in Path(run).glob("*.safetensors") if path.name != "last.safetensors")
    return {path.name: {key: value.tobytes() for key, value in load_file(path).items()} for path in files}


def sound(cache):
    """Whether `fmn-cache verify` finds nothing, where there is a cache."""
    from fmn.cache.check import verify

    return not (Path(cache) / "index.json").exists() or not verify(cache)
