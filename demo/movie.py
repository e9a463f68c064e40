"""Frames -> a small H.264 file that a browser plays."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

FPS = 25
FRAMES = 64
"""Frames of a video: 2.56 s, one window of the video encoder."""


def write_mp4(path: Path, frames: Iterable[np.ndarray]) -> None:
    """frames: each [H, W, 3] uint8 RGB with even H and W -> mp4, H.264, yuv420p, 25 frames a second."""
    # Bytes that repeat. One thread: two change what x264 writes, and the processes share the cores already. No
    # macroblock tree: with it x264 (core 165) wrote the same frames in up to five ways, by what lay in memory.
    options = {"preset": "veryfast", "crf": "23", "threads": "1", "x264-params": "mbtree=0"}
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.pix_fmt = "yuv420p"
        first = True
        for image in frames:
            if first:
                stream.height, stream.width = image.shape[:2]
                first = False
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
