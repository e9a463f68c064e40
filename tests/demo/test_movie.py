"""The H.264 files: playable, of the stated rate, and the same bytes every time."""

from pathlib import Path

import av
import numpy as np

from fmn.demo.categories import CATEGORIES
from fmn.demo.movie import FPS, FRAMES, write_mp4
from fmn.demo.video import draw

MOVING = [
    k for k, category in enumerate(CATEGORIES) if category.action in ("cut", "wash")
]  # with mbtree their bytes changed


def written(path: Path, frames: list[np.ndarray]) -> bytes:
    write_mp4(path, frames)
    return path.read_bytes()


def test_the_same_frames_give_the_same_bytes_whatever_lay_in_memory(tmp_path: Path) -> None:
    seeds = [(k, item) for k in MOVING for item in range(2)]
    clips = [list(draw(CATEGORIES[k], "train", 0, np.random.default_rng([0, 1, k, item]))) for k, item in seeds]
    rng = np.random.default_rng(0)
    seen: list[set[bytes]] = [set() for _ in clips]
    for _ in range(5):
        for k in rng.permutation(len(clips)):
            seen[k].add(written(tmp_path / "clip.mp4", clips[k]))
    assert [len(files) for files in seen] == [1] * len(clips)


def test_a_file_plays_at_its_rate(tmp_path: Path) -> None:
    clip = list(draw(CATEGORIES[0], "train", 0, np.random.default_rng(1)))
    written(tmp_path / "clip.mp4", clip)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.average_rate == FPS
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(shown) == FRAMES
    assert np.abs(np.stack(shown).astype(int) - np.stack(clip)).mean() < 6
