"""The other reading of the paper's memory: two banks that are written independently of one another."""

import torch
from torch import Tensor, nn

from .memory import FeatureMemory


class IndependentMemory(nn.Module):
    """Two banks, each with its own m2: slot x of one and slot x of the other are then not one remembered pair.

    The paper's text can be read so (design: `slots="independent"`). A pair that passes S1 > T1 goes to the video bank
    by the video cosines alone, and to the audio bank by the audio cosines alone. Arguments and use as `FeatureMemory`.
    """

    def __init__(self, capacity: int, dim: tuple[int, int], t1: float, t2: float, weight: float) -> None:
        super().__init__()
        # A bank by itself is a paired memory whose two sides hold the same: its joint similarity is then that cosine.
        self.of_video = FeatureMemory(capacity, dim[0], t1, t2, weight)
        self.of_audio = FeatureMemory(capacity, dim[1], t1, t2, weight)

    @property
    def video(self) -> Tensor:
        """The video bank [X, Dv]."""
        return self.of_video.video

    @property
    def audio(self) -> Tensor:
        """The audio bank [X, Da]."""
        return self.of_audio.audio

    @property
    def enrolled(self) -> Tensor:
        """No slot: only pairs are enrolled. bool [X]."""
        return torch.zeros_like(self.filled)

    @property
    def filled(self) -> Tensor:
        """Which slots are filled in both banks: bool [X]."""
        return self.of_video.filled & self.of_audio.filled

    def similarity(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines to every slot, as `FeatureMemory.similarity`: M_v [N, X], M_a [M, X]."""
        return self.of_video.similarity(video, video)[0], self.of_audio.similarity(audio, audio)[0]

    def update(self, video: Tensor, audio: Tensor, s1: Tensor, match: Tensor | None = None) -> None:
        """Remember the pairs of a batch, each half in its own bank."""
        self.of_video.update(video, video, s1, match)
        self.of_audio.update(audio, audio, s1, match)
