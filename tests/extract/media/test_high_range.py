"""Pictures of high range against their standard twins; the formulas of PQ and HLG stand here a second time."""

from fractions import Fraction

import av
import numpy as np
import pytest

from fmn.extract.media.frames import frames
from fmn.extract.media.high_range import bend
from fmn.extract.media.notes import noted
from fmn.item import Item

PQ, HLG, BT2020 = 16, 18, 9
COLOURS = np.array([[255, 255, 255], [120, 120, 120], [40, 40, 40], [190, 60, 40], [50, 150, 60], [60, 70, 170.0]])
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def pq(nits):
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits):
    """On a screen of 1000 nits."""
    light = nits / 1000
    luma = np.maximum(light @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
    scene = light * luma ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    )


def stripes(values):
    """[n, 3] -> [48, 32 n, 3]"""
    return np.repeat(np.repeat(np.asarray(values)[None], 48, axis=0), 32, axis=1)


def make(path, values, transfer, codec, count=3):
    """A clip of 10 bits whose stripes have the signal `values` [n, 3] in [0, 1]."""
    red, green, blue = np.moveaxis(stripes(values), -1, 0)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = 64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746
    with av.open(str(path), "w") as container:
        options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *luma.shape, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = (
            transfer,
            BT2020,
            BT2020,
            1,
        )
        for k in range(count):
            frame = av.VideoFrame(stream.width, stream.height, "yuv420p10le")
            for place, (plane, values) in enumerate(zip(frame.planes, planes, strict=True)):
                stored = np.rint(values if not place else values[::2, ::2]).astype("<u2")
                rows = np.zeros((plane.height, plane.line_size // 2), "<u2")
                rows[:, : stored.shape[1]] = stored
                plane.update(rows.tobytes())
            frame.pts, frame.time_base = k, Fraction(1, 25)
            frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = transfer, BT2020, BT2020, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(path):
    """(pictures, notes)."""
    return noted(lambda item: list(frames(item.path)), Item("clip", "video", str(path)))


def middles(image):
    return image[24, 16::32].astype(int)


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx265"), ("mkv", "libx265"), ("mkv", "ffv1")])
def test_what_a_standard_picture_holds_is_seen_as_it_is(tmp_path, transfer, name, suffix, codec):
    nits = 203 * (COLOURS / 255) ** 2.4 @ TO_2020.T
    path = make(tmp_path / f"clip.{suffix}", {PQ: pq, HLG: hlg}[transfer](nits), transfer, codec)
    shown, notes = read(path)
    assert notes == (f"tone-mapped from {name}",)
    assert len(shown) == 3
    seen = middles(shown[1])
    below = COLOURS.max(axis=1) < 180  # 92 nits
    assert np.abs(seen - COLOURS)[below].max() <= 10
    assert 220 < seen[0].min() <= seen[0].max() < 240  # white, above which there is room for lights
    with av.open(str(path)) as container:
        plain = middles(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    assert np.abs(plain - COLOURS)[below].max() > 30


def test_lights_stay_apart_and_order_is_kept(tmp_path):
    nits = np.array([0.0, 1, 10, 50, 92, 150, 203, 300, 500, 1000, 4000])
    shown, _ = read(make(tmp_path / "clip.mp4", pq(np.repeat(nits[:, None], 3, axis=1)), PQ, "libx265"))
    seen = middles(shown[0])
    assert (np.ptp(seen, axis=1) <= 2).all()  # grey stays grey
    assert (np.diff(seen[:8, 0]) > 5).all()
    assert (np.diff(seen[7:, 0]) >= 0).all()
    assert seen[0, 0] == 0
    assert seen[-1, 0] == 255


def test_the_curve_is_nothing_below_its_knee_and_ends_at_white():
    nits = np.linspace(0, 1000, 500)
    bent = bend(nits)
    assert np.allclose(bent[nits < 90], nits[nits < 90])
    assert (np.diff(bent) > 0).all()
    assert bent[-1] == pytest.approx(203)


@pytest.mark.parametrize(("transfer", "pixels"), [(1, "yuv420p10le"), (14, "yuv420p10le"), (2, "yuv420p")])
def test_standard_clips_are_byte_for_byte_what_is_decoded(tmp_path, transfer, pixels):
    path = make(tmp_path / "clip.mp4", COLOURS / 255, transfer, "libx265")
    shown, notes = read(path)
    assert notes == ()
    with av.open(str(path)) as container:
        plain = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert all(np.array_equal(one, other) for one, other in zip(shown, plain, strict=True))
