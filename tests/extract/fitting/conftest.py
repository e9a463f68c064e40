"""Small scratch clips of two classes that differ in what moves, without any video behind them."""

import numpy as np
import pytest

from fmn.extract.fitting.clips import DecodedClip


def write_clip(folder, name, frames=12, height=36, width=40, seed=0, level=None):
    """Random frames and flow levels under `folder`; `level`: all about this brightness."""
    random = np.random.default_rng(seed)
    files = {}
    for stream, channels in (("rgb", 3), ("flow", 2)):
        array = random.integers(0, 256, (frames, height, width, channels)).astype(np.uint8)
        if level is not None:
            array = np.clip(array.astype(int) // 8 + level, 0, 255).astype(np.uint8)
        files[stream] = str(folder / f"{name}.{stream}.npy")
        np.save(files[stream], array)
    return DecodedClip(name, files, frames, cut=False)


@pytest.fixture
def clip(tmp_path):
    return lambda name="one", **how: write_clip(tmp_path, name, **how)
