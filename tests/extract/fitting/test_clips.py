"""Which clips a bounded fitting takes, and that they become the frames and flow of an extraction, without loss."""

import functools
from collections import Counter

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fmn.errors import BadItem
from fmn.extract.fitting.clips import LONGEST, SHARE, affordable, balanced, decode
from fmn.extract.fitting.train_part import each
from fmn.extract.media.flow import flow_fields, flow_levels, quantise
from fmn.extract.media.frames import frames
from fmn.extract.media.sizes import resize_short_side
from fmn.extract.media.two_streams import VideoSettings
from fmn.item import Item

SHOWN = VideoSettings(flow="dis", short_side=40, crop=32, window=8, fps=12.5)


def write_video(path, count):
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(count):
            picture = np.full((48, 64, 3), 40, np.uint8)
            picture[10:30, k % 40 : k % 40 + 20] = random.integers(100, 255, 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_levels_are_what_the_network_sees():
    fields = np.random.default_rng(0).uniform(-25, 25, (3, 4, 5, 2)).astype(np.float32)
    assert np.allclose(flow_levels(fields) / np.float32(127.5) - 1, quantise(fields), atol=1e-6)


def test_a_clip_is_decoded_as_an_extraction_would(tmp_path):
    write_video(tmp_path / "a.mp4", 30)
    made = decode(Item("a", "video", str(tmp_path / "a.mp4")), settings=SHOWN, folder=tmp_path)
    shown = [resize_short_side(frame, 40) for frame in frames(tmp_path / "a.mp4", fps=12.5)]
    assert made.frames == len(shown) == 15 and not made.cut
    assert np.array_equal(made.open("rgb"), np.stack(shown))
    assert np.array_equal(made.open("flow"), flow_levels(np.stack(list(flow_fields(shown, "dis")))))


def test_a_long_clip_is_marked_and_a_bad_one_is_named(tmp_path):
    write_video(tmp_path / "long.mp4", 2 * LONGEST * 8 + 10)
    (tmp_path / "bad.mp4").write_bytes(b"no video at all")
    items = [Item(name, "video", str(tmp_path / f"{name}.mp4")) for name in ("long", "bad")]
    made, bad = each(items, functools.partial(decode, settings=SHOWN, folder=tmp_path))
    assert made.cut and made.frames == LONGEST * 8
    assert isinstance(bad, BadItem) and "bad.mp4" in str(bad)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(0, 5))
def test_every_beginning_is_balanced_and_nothing_is_lost(sizes, seed):
    items = [Item(f"{label}-{k}", "video", "/x", label=str(label)) for label, n in enumerate(sizes) for k in range(n)]
    order = balanced(items, seed)
    assert sorted(item.id for item in order) == sorted(item.id for item in items)
    assert order == balanced(items[::-1], seed)
    for end in range(len(order)):
        taken = Counter(item.label for item in order[:end])
        for label, n in enumerate(sizes):
            most = max(taken.values(), default=0)
            assert taken[str(label)] >= min(n, most - 1)


def test_the_clips_fit_into_their_share_of_the_time():
    assert affordable(1000, 0.5, 5.0) == int(SHARE * 300 / 0.5)
    assert affordable(10, 0.5, 5.0) == 10 and affordable(10, 1e9, 5.0) == 1
