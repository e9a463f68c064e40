"""Pictures are shown as players show them: four colours in the quarters tell every turn and mirroring."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fmn.extract.media.display import ORIENTATIONS, orientation, oriented
from fmn.extract.media.frames import frames
from fmn.extract.media.notes import noted
from fmn.item import Item

COLOURS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "W": (255, 255, 255)}
ONE = 1 << 16
# (a, b, c, d) of the display matrix and how the quarters R G / B W are seen then; for turns, an upright phone's case.
SEEN = {
    "as stored": (ONE, 0, 0, ONE, "RG/BW"),
    "mirrored across": (-ONE, 0, 0, ONE, "GR/WB"),
    "mirrored down": (ONE, 0, 0, -ONE, "BW/RG"),
    "half a turn": (-ONE, 0, 0, -ONE, "WB/GR"),
    "a quarter clockwise": (0, ONE, -ONE, 0, "BR/WG"),
    "a quarter back": (0, -ONE, ONE, 0, "GW/RB"),
    "transposed": (0, ONE, ONE, 0, "RB/GW"),
    "transposed and turned": (0, -ONE, -ONE, 0, "WG/BR"),
    "all zero": (0, 0, 0, 0, "RG/BW"),
    "squeezed to a line": (ONE, 0, ONE, 0, "RG/BW"),
    "a little askew": (ONE, 6000, -6000, ONE, "RG/BW"),
    "twice as large": (0, 2 * ONE, -2 * ONE, 0, "BR/WG"),
}


def quarters(width=160, height=96):
    image = np.zeros((height, width, 3), np.uint8)
    for place, colour in enumerate(COLOURS.values()):
        row, column = divmod(place, 2)
        image[row * height // 2 : (row + 1) * height // 2, column * width // 2 : (column + 1) * width // 2] = colour
    return image


def read(image):
    """The letters of the quarters' colours, by their middles."""
    height, width = image.shape[:2]
    seen = [
        min(COLOURS, key=lambda name: np.abs(image[y, x].astype(int) - COLOURS[name]).sum())
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]
    return f"{seen[0]}{seen[1]}/{seen[2]}{seen[3]}"


def make(path, matrix=None, stream_aspect=None, container_aspect=None, size=(160, 96), codec="libx264"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if stream_aspect:
            stream.codec_context.sample_aspect_ratio = stream_aspect
        if matrix is not None:
            a, b, c, d = matrix
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for _ in range(60 if path.suffix == ".ts" else 3):  # a shorter ts is no media file to FFmpeg
            container.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(*size), format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_every_orientation(tmp_path, name, suffix):
    *matrix, seen = SEEN[name]
    image = next(frames(make(tmp_path / f"clip.{suffix}", matrix)))
    assert read(image) == seen
    assert image.shape == ((160, 96, 3) if seen in ("BR/WG", "GW/RB", "RB/GW", "WG/BR") else (96, 160, 3))
    assert image.flags.c_contiguous


@pytest.mark.parametrize("name", SEEN)
def test_the_orientation_of_an_array_is_exact(name):
    *matrix, seen = SEEN[name]
    image = np.array([["R", "G"], ["B", "W"]])
    assert "/".join("".join(row) for row in oriented(image, *matrix)) == seen


@pytest.mark.parametrize("name", SEEN)
def test_the_words_for_an_orientation_lead_to_what_is_seen(name):
    *matrix, seen = SEEN[name]
    words = ORIENTATIONS[orientation(*matrix)]
    image = np.array([["R", "G"], ["B", "W"]])
    if "mirrored" in words:
        image = image[:, ::-1]
    image = np.rot90(image, -next((k for k in (1, 2, 3) if f"turned by {90 * k} degrees" in words), 0))
    assert "/".join("".join(row) for row in image) == seen


def test_what_was_done_to_pictures_is_noted(tmp_path):
    path = make(tmp_path / "clip.mp4", (0, ONE, -ONE, 0), stream_aspect=Fraction(16, 9))
    assert noted(lambda item: len(list(frames(item.path))), Item("a", "video", str(path))) == (
        3,
        ("pixels of 16:9 made square", "turned by 90 degrees"),
    )


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        ((16, 9), (284, 96)),
        ((4, 3), (213, 96)),
        ((8, 9), (142, 96)),
        ((1, 2), (80, 96)),
        ((1, 1), (160, 96)),
        ((1, 60000), (160, 96)),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_pixels_become_square(tmp_path, aspect, size, suffix):
    image = next(frames(make(tmp_path / f"clip.{suffix}", stream_aspect=Fraction(*aspect))))
    assert (image.shape[1], image.shape[0]) == size
    assert read(image) == "RG/BW"


def test_a_square_stays_a_square(tmp_path):
    flat, square = make(tmp_path / "flat.mp4", stream_aspect=Fraction(2)), make(tmp_path / "square.mp4", size=(320, 96))
    one, other = next(frames(flat)).astype(int), next(frames(square)).astype(int)
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 4


def test_the_containers_pixel_aspect_counts_where_the_stream_has_none(tmp_path):
    path = make(tmp_path / "clip.mp4", stream_aspect=Fraction(4, 3), codec="mpeg4")
    data = bytearray(path.read_bytes())
    at = data.index(b"pasp")  # the container's: 4:3 becomes 2:1
    data[at + 4 : at + 12] = (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    path.write_bytes(data)
    assert next(frames(path)).shape == (96, 320, 3)


def test_stretched_before_it_is_turned(tmp_path):
    path = make(tmp_path / "clip.mp4", (0, ONE, -ONE, 0), stream_aspect=Fraction(16, 9))
    image = next(frames(path))
    assert image.shape == (284, 96, 3)
    assert read(image) == "BR/WG"


def test_stretched_frames_are_streamed_the_same_each_time(tmp_path):
    path = make(tmp_path / "clip.mp4", stream_aspect=Fraction(16, 9))
    assert all(np.array_equal(one, other) for one, other in zip(frames(path), frames(path), strict=True))
