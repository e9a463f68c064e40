"""Pictures of high dynamic range (PQ, HLG) as a standard screen shows them, which is what networks were trained on.

One table of colours does it all, [0, 1]^3 to [0, 1]^3, which FFmpeg's filter `haldclut` applies. FFmpeg's `zscale` is
not in PyAV's build, and its `scale` computes a table of its own for 7 s a file.

The table: the signal to light (SMPTE ST 2084 for PQ; ITU-R BT.2100 for HLG, on a screen of 1000 nits), BT.2020 to
BT.709 primaries, the brightest of the three channels bent by the curve of ITU-R BT.2390 from 1000 to 203 nits (white of
a standard picture by BT.2408; below 92 nits nothing is changed) and the others with it, which keeps the hue, and a
screen's gamma of 2.4.
"""

from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

PQ, HLG = 16, 18  # FFmpeg's numbers of the transfer functions
NAMES = {PQ: "PQ", HLG: "HLG"}
TICK = Fraction(1, 25)  # times mean nothing here, and must go forward
LEVEL = 8  # of the Hald image: 512 x 512 pixels, 64 steps a channel
PEAK, WHITE = 1000.0, 203.0  # nits: of the source's and of the standard picture
TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
M1, M2, C1, C2, C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
PACKED = "rgb48le"  # of planar tables haldclut mistakes the channels

Floats = NDArray[np.float64]


class StandardRange:
    """Frames of one clip; those of high range come out as RGB of 16 bits, the others are handed back as they are."""

    def __init__(self) -> None:
        self._made_for: tuple[int, int, int] = (0, 0, 0)
        self._graph = Graph()
        self._count = 0

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame, or its tone-mapped twin without side data."""
        if frame.color_trc not in NAMES:
            return frame
        shape = (frame.width, frame.height, int(frame.color_trc))
        if shape != self._made_for:
            self._made_for, self._graph = shape, _graph(*shape)
        packed = frame.reformat(format=PACKED)
        packed.pts, packed.time_base = self._count, TICK
        self._count += 1
        self._graph.vpush(packed, at=0)
        return self._graph.vpull()


def light(signal: Floats, transfer: int) -> Floats:
    """[..., 3] in [0, 1], PQ or HLG -> nits on the screen, of the same primaries."""
    if transfer == PQ:
        return nits_of_pq(signal)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(PEAK * (scene @ LUMA_2020)[..., None] ** 0.2 * scene)


def standard(nits: Floats) -> Floats:
    """[..., 3] nits of BT.2020 -> [0, 1], BT.709 on a screen of gamma 2.4."""
    linear = np.maximum(nits @ TO_709.T, 0)
    brightest = linear.max(axis=-1, keepdims=True)
    bent = linear * bend(brightest) / np.maximum(brightest, 1e-9)
    return np.asarray(np.clip(bent / WHITE, 0, 1) ** (1 / 2.4))


def bend(nits: Floats) -> Floats:
    """Nits from 0 to 1000 -> nits from 0 to 203: the curve of BT.2390, section 5.4, without its lift of black."""
    top = pq_of_nits(np.array(PEAK))
    most = pq_of_nits(np.array(WHITE)) / top
    knee = 1.5 * most - 0.5
    given = np.minimum(pq_of_nits(nits) / top, 1)
    t = np.maximum(given - knee, 0) / (1 - knee)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return nits_of_pq(np.where(given < knee, given, bent) * top)


def nits_of_pq(signal: Floats) -> Floats:
    """SMPTE ST 2084: [0, 1] -> nits."""
    root = signal ** (1 / M2)
    return np.asarray(10000 * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1))


def pq_of_nits(nits: Floats) -> Floats:
    """Its inverse."""
    power = (nits / 10000) ** M1
    return np.asarray(((C1 + C2 * power) / (1 + C3 * power)) ** M2)


@cache
def _table(transfer: int) -> NDArray[np.uint16]:
    """The Hald image: red runs fastest, then green, then blue."""
    steps = np.linspace(0, 1, LEVEL**2)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    mapped = standard(light(np.stack([red, green, blue], axis=-1), transfer))
    return np.rint(65535 * mapped).astype(np.uint16).reshape(LEVEL**3, LEVEL**3, 3)


def _graph(width: int, height: int, transfer: int) -> Graph:
    graph = Graph()
    graph.threads = 1
    each = {"format": av.VideoFormat(PACKED, 16, 16), "time_base": TICK}
    pictures = graph.add_buffer(width=width, height=height, **each)
    colours = graph.add_buffer(width=LEVEL**3, height=LEVEL**3, **each)
    mapping, out = graph.add("haldclut", clut="first"), graph.add("buffersink")
    pictures.link_to(mapping, 0, 0)
    colours.link_to(mapping, 0, 1)
    mapping.link_to(out)
    graph.configure()
    graph.vpush(VideoFrame.from_ndarray(_table(transfer), format=PACKED), at=1)
    graph.vpush(None, at=1)
    return graph
