"""What all tests share: no network, one thread (the machine's cores are for the processes that tests start)."""

import os
import signal
import wave

import pytest

os.environ["FMN_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
