"""The two-stream encoder on real clips, against a plain loop over all frames in memory."""

import tracemalloc
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
import torch

from fmn.cache import EncoderRecord
from fmn.errors import BadItem, InputError
from fmn.extract.encoders.two_streams import (
    TwoStreamI3d,
    recorded_preprocessing,
    recorded_settings,
    vector_length,
)
from fmn.extract.media.frames import frames
from fmn.extract.media.two_streams import VideoSettings, first_window, flow_clip, rgb_clip, stream_windows
from fmn.extract.networks.i3d import untrained_i3d
from fmn.item import Item

SMALL = VideoSettings(flow="dis", short_side=48, crop=40, window=8, dtype="fp32")


@pytest.fixture(scope="module")
def networks():
    return untrained_i3d(3, 0, num_classes=2), untrained_i3d(2, 1, num_classes=2)


def film(path, count, width=64, height=56):
    """A textured square that crosses a textured ground, 25 frames a second."""
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 255, (8, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    square = rng.integers(0, 255, (20, 20, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 4_000_000
        for t in range(count):
            image = ground.copy()
            left = (2 * t) % (width - 20)
            image[18:38, left : left + 20] = square
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def item_of(path, **times):
    return Item(id=path.name, modality="video", path=str(path), **times)


def oracle(path, networks, settings, start=None, end=None):
    """(vector, windows, frames looped): everything in lists, the reference network, one index at a time."""
    shown = [
        cv2.resize(frame, _size(frame, settings.short_side), interpolation=cv2.INTER_AREA)
        for frame in frames(path, start, end, settings.fps)
    ]
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in shown]
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    fields = [method.calc(grey[i], grey[i + 1], None) for i in range(len(grey) - 1)]
    fields.append(fields[-1])
    length, count = settings.window, len(shown)
    if count < length:
        chosen = [[i % count for i in range(length)]]
    else:
        chosen = [list(range(first, first + length)) for first in range(0, count - length + 1, length)]
        if count % length:
            chosen.append(list(range(count - length, count)))
    vectors = []
    for indices in chosen:
        rgb = np.stack([_middle(shown[i], settings.crop) for i in indices]) / 127.5 - 1
        flow = np.stack([_middle(fields[i], settings.crop) for i in indices])
        flow = np.rint((np.clip(flow, -20, 20) + 20) / 40 * 255) / 127.5 - 1
        with torch.no_grad():
            vectors.append(np.concatenate([
                network.features(torch.from_numpy(clip.transpose(3, 0, 1, 2)[None].astype(np.float32)))[0].numpy()
                for network, clip in zip(networks, (rgb, flow), strict=True)
            ]))  # fmt: skip
    return np.mean(vectors, axis=0), len(chosen), max(length - count, 0)


def _size(frame, short_side):
    height, width = frame.shape[:2]
    factor = short_side / min(height, width)
    return int(np.floor(width * factor + 0.5)), int(np.floor(height * factor + 0.5))


def _middle(frame, crop):
    top, left = (frame.shape[0] - crop) // 2, (frame.shape[1] - crop) // 2
    return frame[top : top + crop, left : left + crop]


@pytest.mark.parametrize(
    ("count", "windows", "looped"),
    [(20, 3, 0), (16, 2, 0), (8, 1, 0), (5, 1, 3)],
    ids=["rest", "all", "one", "short"],
)
def test_a_clip_is_the_mean_of_its_windows(tmp_path, networks, count, windows, looped):
    path = film(tmp_path / "a.mp4", count)
    expected, in_all, added = oracle(path, networks, SMALL)
    assert (in_all, added) == (windows, looped)
    item = item_of(path)
    row = TwoStreamI3d(*networks, SMALL).row(item)
    assert row.item is item
    assert row.features.shape == (2048,)
    assert (row.windows, row.repeated) == (windows, looped)
    assert row.seconds == pytest.approx(count / 25)
    for half in (slice(0, 1024), slice(1024, 2048)):
        assert np.abs(row.features[half] - expected[half]).max() <= 1e-3 * np.abs(expected[half]).max()


def test_a_part_of_a_clip_and_another_rate(tmp_path, networks):
    path = film(tmp_path / "a.mp4", 30)
    settings = VideoSettings(flow="dis", short_side=40, crop=32, window=8, fps=12.5, dtype="fp32")
    expected, in_all, _ = oracle(path, networks, settings, 0.2, 1.0)
    row = TwoStreamI3d(*networks, settings).row(item_of(path, start=0.2, end=1.0))
    assert (row.windows, row.seconds) == (in_all, pytest.approx(0.8))
    assert np.abs(row.features - expected).max() <= 1e-3 * np.abs(expected).max()


def test_without_flow_the_vector_is_the_rgb_half(tmp_path, networks):
    path = film(tmp_path / "a.mp4", 20)
    both = TwoStreamI3d(*networks, SMALL).row(item_of(path))
    settings = VideoSettings(flow="none", short_side=48, crop=40, window=8, dtype="fp32")
    rgb = TwoStreamI3d(networks[0], None, settings).row(item_of(path))
    assert rgb.features.shape == (1024,)
    assert (rgb.windows, rgb.seconds, rgb.repeated) == (both.windows, both.seconds, both.repeated)
    assert np.array_equal(rgb.features, both.features[:1024])


def test_tvl1_flow_says_nearly_the_same_as_dis(tmp_path, networks):
    path = film(tmp_path / "a.mp4", 8)
    tvl1 = VideoSettings(flow="tvl1", short_side=48, crop=40, window=8, dtype="fp32")
    one = TwoStreamI3d(*networks, SMALL).row(item_of(path)).features
    other = TwoStreamI3d(*networks, tvl1).row(item_of(path)).features
    assert np.array_equal(one[:1024], other[:1024])
    assert not np.array_equal(one[1024:], other[1024:])
    assert np.corrcoef(one[1024:], other[1024:])[0, 1] > 0.9


def test_bf16_is_close_and_every_run_is_the_same(tmp_path, networks):
    path = film(tmp_path / "a.mp4", 20)
    full = TwoStreamI3d(*networks, SMALL).row(item_of(path)).features
    settings = VideoSettings(flow="dis", short_side=48, crop=40, window=8, dtype="bf16")
    encoder = TwoStreamI3d(*networks, settings)
    half = encoder.row(item_of(path)).features
    assert np.array_equal(half, encoder.row(item_of(path)).features)
    for part in (slice(0, 1024), slice(1024, 2048)):
        a, b = full[part].astype(np.float64), half[part].astype(np.float64)
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= 0.9995


@pytest.mark.parametrize("flow", ["dis", "none"])
def test_memory_does_not_grow_with_the_clip(tmp_path, networks, flow):
    settings = VideoSettings(flow=flow, short_side=64, crop=32, window=8)
    encoder = TwoStreamI3d(networks[0], None if flow == "none" else networks[1], settings)
    peaks = []
    for count in (128, 256):  # many windows
        item = item_of(film(tmp_path / f"{count}.mp4", count, width=128, height=96))
        tracemalloc.start()
        assert encoder.row(item).windows == count // 8
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 16 * 85 * 64 * 3  # holding all frames would add 128 of this size


def test_the_first_window_is_the_first_of_all(tmp_path):
    path = film(tmp_path / "a.mp4", 12)
    ((rgb, flow, _), last) = stream_windows(frames(path), SMALL)
    first = first_window(item_of(path), SMALL)
    assert np.array_equal(first[0], rgb)
    assert np.array_equal(first[1], flow)
    assert (rgb.shape, flow.shape) == ((8, 40, 40, 3), (8, 40, 40, 2))
    assert np.array_equal(last[0][:4], rgb[4:])  # the last window is moved back by the four frames that it lacks
    alone = first_window(item_of(path), VideoSettings(flow="none", short_side=48, crop=40, window=8))
    assert np.array_equal(alone[0], rgb)
    assert alone[1] is None


def test_a_broken_file_is_a_bad_item(tmp_path, networks):
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(BadItem, match=r"a\.mp4"):
        TwoStreamI3d(*networks, SMALL).row(item_of(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"flow": "raft"}, "tvl1, dis, none"), ({"crop": 300}, "fit the short side"), ({"crop": 0}, "crop"),
     ({"window": 0}, "window 0"), ({"fps": 0.0}, "got 0"), ({"dtype": "int8"}, "auto, bf16, fp32")],
)  # fmt: skip
def test_settings_out_of_range_are_sentences(change, words):
    with pytest.raises(InputError, match=words):
        VideoSettings(**change)


def test_networks_must_fit_their_streams(networks):
    rgb, flow = networks
    with pytest.raises(InputError, match="no flow network"):
        TwoStreamI3d(rgb, None, SMALL)
    with pytest.raises(InputError, match="a flow network"):
        TwoStreamI3d(rgb, flow, VideoSettings(flow="none"))
    with pytest.raises(InputError, match="RGB stream needs a network of 3 input channels, not 2"):
        TwoStreamI3d(flow, flow, SMALL)
    with pytest.raises(InputError, match="flow stream needs a network of 2 input channels, not 3"):
        TwoStreamI3d(rgb, rgb, SMALL)


def test_clips_are_in_the_order_and_range_of_the_networks():
    window = np.zeros((4, 5, 6, 3), np.uint8)
    window[2, 3, 1] = (255, 51, 0)
    clip = rgb_clip(window)
    assert clip.shape == (1, 3, 4, 5, 6)
    assert clip[0, :, 2, 3, 1].tolist() == pytest.approx([1.0, -0.6, -1.0])
    flow = np.zeros((4, 5, 6, 2), np.float32)
    flow[2, 3, 1] = (50.0, -50.0)
    clip = flow_clip(flow)
    assert clip.shape == (1, 2, 4, 5, 6)
    assert clip[0, :, 2, 3, 1].tolist() == [1.0, -1.0]
    assert clip.unique().tolist() == pytest.approx([-1.0, 1 / 255, 1.0], abs=1e-6)


def video_record(settings, weights, warning, notes=None):
    preprocessing = recorded_preprocessing(settings)
    return EncoderRecord("video", "i3d", vector_length(settings), preprocessing, weights, warning, notes or {})


def test_the_record_tells_what_made_the_features():
    weights = {"source": "random:0", "sha256": {"rgb": "a", "flow": "b"}}
    record = video_record(SMALL, weights, "video encoder: untrained", {"told": "x"})
    assert (record.modality, record.name, record.dim, record.warning) == (
        "video", "i3d", 2048, "video encoder: untrained",
    )  # fmt: skip
    assert recorded_settings(record) == SMALL
    assert record.notes == {"told": "x"}
    assert video_record(VideoSettings(flow="none"), weights, "").dim == 1024
    for other in (
        video_record(replace(SMALL, dtype="bf16"), weights, ""),
        video_record(replace(SMALL, dtype="auto"), weights, ""),
        video_record(VideoSettings(flow="tvl1", short_side=48, crop=40, window=8), weights, ""),
        video_record(VideoSettings(flow="dis", short_side=48, crop=32, window=8), weights, ""),
        video_record(SMALL, weights | {"sha256": {"rgb": "a", "flow": "c"}}, ""),
    ):
        assert other.fingerprint != record.fingerprint


def test_a_record_without_settings_is_refused():
    with pytest.raises(InputError, match="flow"):
        recorded_settings(EncoderRecord(modality="video", name="i3d", dim=2048))
