"""The channels of a recording, of any number, and their mix to one."""

import math
from collections.abc import Iterator

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

# Channels cancel each other where their mean has less than this share of the power that it has when they are unlike.
CANCELLED = 0.01


class Channels:
    """Frames of any layout and sample format as floats."""

    def __init__(self) -> None:
        self._shape: tuple[str, str, int] = ("", "", 0)
        self._floats = AudioResampler()

    def blocks(self, frame: AudioFrame) -> Iterator[np.ndarray]:
        """float32 [channels, n] of a frame, in order."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._shape != shape:
            self._shape = shape
            # Packed: PyAV reads beyond the list of planes where there are eight or more.
            self._floats = AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        for part in self._floats.resample(frame):
            yield np.ascontiguousarray(part.to_ndarray().reshape(-1, frame.layout.nb_channels).T)


class Mix:
    """Mixes blocks [channels, n] to the mean of the channels, or to `only` one, and keeps how loud they were.

    FFmpeg's own mix to mono adds the channels up and may go beyond full scale.
    """

    def __init__(self, only: int | None = None) -> None:
        self.only = only
        self._count = 0
        self._sums = np.zeros((2, 0))  # of the values and of their squares: of each channel, and of the mean
        self._numbers: set[int] = set()  # of channels that blocks had
        self._least, self._most = math.inf, -math.inf

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """float32 [n]."""
        mono: np.ndarray = block.mean(axis=0, dtype=np.float32) if self.only is None else block[self.only]
        if mono.size:
            self._least, self._most = min(self._least, float(mono.min())), max(self._most, float(mono.max()))
        self._numbers.add(len(block))
        if len(self._numbers) == 1 and len(block) > 1:
            self._add(np.vstack([block, mono]).astype(np.float64))
        return mono

    @property
    def told(self) -> str:
        """What is heard of several channels, in a phrase; "" of one."""
        most = max(self._numbers, default=1)
        if most == 1:
            return ""
        if self.only is not None:
            return f"channel {self.only + 1} of {most}: the channels cancel each other"
        return f"mean of {' or '.join(map(str, sorted(self._numbers)))} channels"

    @property
    def swing(self) -> float:
        """Half of what lies between the lowest and the highest value of the mix: its peak without a constant offset."""
        return max(0.0, (self._most - self._least) / 2)

    def cancelled(self) -> int | None:
        """The loudest channel where the channels cancel each other (one is another's inverse); None elsewhere.

        None, too, where their number changes on the way.
        """
        if not self._count or len(self._numbers) > 1:
            return None
        power = self._sums[1] / self._count - (self._sums[0] / self._count) ** 2  # a constant offset has none
        channels, mean = power[:-1], power[-1]
        # Unlike channels, such as one that speaks among silent ones, leave 1 / channels of their power in the mean.
        return int(channels.argmax()) if mean * len(channels) < CANCELLED * channels.mean() else None

    def _add(self, rows: np.ndarray) -> None:
        sums = np.stack([rows.sum(axis=1), (rows**2).sum(axis=1)])
        self._sums = self._sums + sums if self._count else sums
        self._count += rows.shape[1]
