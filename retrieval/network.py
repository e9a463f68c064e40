"""The feature memory network (FMN): a common space, a fusion head and two memory banks that correct it.

Equations are the paper's: p = normalise(W x) (sec. 3.3), S1 = softmax(head([p_v ; p_a])), S = S1 * Max^beta (eq. 3,
which prints beta = -1).
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fmn.errors import InputError
from fmn.retrieval.memory import FeatureMemory

MOST = 1_000_000  # of slots and of dimensions: beyond that it is a slip of the finger
TINY = 1e-6  # floor of Max before the power: the product of two cosines may be zero or negative


@dataclass(frozen=True)
class FmnConfig:
    """The shape of an FMN. Everything here is saved beside the weights.

    `keys`: where a query meets the slots. The banks always hold *unmapped* features; "raw" compares those (the paper),
    "common" sends slot and query through the same projection first. `maximum`: "hard" is the paper's max over slots of
    M_v * M_a; "soft" is the inner product of the two softmaxes over slots at `temperature`.
    """

    video_dim: int = 2048
    audio_dim: int = 2048
    common: int = 256
    hidden: int = 256
    capacity: int = 50
    t1: float = 0.5
    t2: float = 0.4
    weight: float = 0.1
    beta: float = 1.0
    learn_beta: bool = False
    keys: str = "common"
    maximum: str = "soft"
    temperature: float = 0.05
    dropout: float = 0.3

    def __post_init__(self) -> None:
        for name in ("video_dim", "audio_dim", "common", "hidden", "capacity"):
            if not 1 <= getattr(self, name) <= MOST:
                raise InputError(f"FMN needs {name} from 1 to {MOST}, got {getattr(self, name)}.")
        for name in ("t1", "t2"):
            if not math.isfinite(getattr(self, name)):
                raise InputError(f"The memory's threshold {name} is a number, got {getattr(self, name)}.")
        if not -10 <= self.beta <= 10:
            raise InputError(f"The exponent beta of eq. 3 lies in [-10, 10], got {self.beta}.")
        for name, allowed in (("keys", ("raw", "common")), ("maximum", ("hard", "soft"))):
            if getattr(self, name) not in allowed:
                raise InputError(f"FMN's {name} is one of {', '.join(allowed)}; got {getattr(self, name)!r}.")
        if not 0 <= self.weight <= 1:
            raise InputError(f"The memory's weight lies in [0, 1], got {self.weight}.")
        if not 0 < self.temperature < math.inf:
            raise InputError(f"The memory's temperature is above 0, got {self.temperature}.")
        if not 0 <= self.dropout < 1:
            raise InputError(f"Dropout lies in [0, 1), got {self.dropout}.")

    def to_json(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


class FeatureMemoryNetwork(nn.Module):
    """FMN over cached vectors: video [N, video_dim] and audio [M, audio_dim], both unnormalised as they are cached.

    Inputs are standardised with the mean and deviation of the train part (`fit_standardiser`), because pooled network
    features share a large common offset that would make every cosine nearly 1.
    """

    mean_video: Tensor
    mean_audio: Tensor
    scale_video: Tensor
    scale_audio: Tensor
    beta: Tensor

    def __init__(self, config: FmnConfig) -> None:
        super().__init__()
        self.config = config
        self.project_video = nn.Linear(config.video_dim, config.common, bias=False)
        self.project_audio = nn.Linear(config.audio_dim, config.common, bias=False)
        # One linear layer over [p_v ; p_a] would score f(v) + g(a): one ranking for every query. Hence a hidden one.
        self.head_video = nn.Linear(config.common, config.hidden, bias=False)
        self.head_audio = nn.Linear(config.common, config.hidden)
        self.head_out = nn.Linear(config.hidden, 2)
        self.drop = nn.Dropout(config.dropout)
        self.memory = FeatureMemory(
            config.capacity, (config.video_dim, config.audio_dim), config.t1, config.t2, config.weight
        )
        beta = torch.tensor(float(config.beta))
        if config.learn_beta:
            self.beta = nn.Parameter(beta)
        else:
            self.register_buffer("beta", beta)
        for name, dim in (("video", config.video_dim), ("audio", config.audio_dim)):
            self.register_buffer(f"mean_{name}", torch.zeros(dim))
            self.register_buffer(f"scale_{name}", torch.ones(dim))

    @torch.no_grad()
    def fit_standardiser(self, video: Tensor, audio: Tensor) -> None:
        """Take mean and deviation from the train part: video [N, D_v], audio [M, D_a]. Constant columns become 0."""
        for features, mean, scale in (
            (video, self.mean_video, self.scale_video),
            (audio, self.mean_audio, self.scale_audio),
        ):
            mean.copy_(features.mean(0))
            deviation = features.std(0, correction=0)
            floor = 1e-6 * deviation.max().clamp_min(1e-12)
            scale.copy_(torch.where(deviation > floor, 1.0 / deviation.clamp_min(1e-30), torch.zeros_like(deviation)))

    def standardise_video(self, video: Tensor) -> Tensor:
        """[N, D_v] -> [N, D_v], zero mean and unit deviation over the train part."""
        return (video - self.mean_video) * self.scale_video

    def standardise_audio(self, audio: Tensor) -> Tensor:
        """[M, D_a] -> [M, D_a], zero mean and unit deviation over the train part."""
        return (audio - self.mean_audio) * self.scale_audio

    def embed_video(self, standardised: Tensor) -> Tensor:
        """p_v [N, common], unit length, from standardised features."""
        return functional.normalize(self.project_video(self.drop(standardised)), dim=-1)

    def embed_audio(self, standardised: Tensor) -> Tensor:
        """p_a [M, common], unit length, from standardised features."""
        return functional.normalize(self.project_audio(self.drop(standardised)), dim=-1)

    def s1(self, p_video: Tensor, p_audio: Tensor) -> Tensor:
        """S1 of every pair, [N, M] in (0, 1): the head's first layer factors, so N x M pairs cost N + M products."""
        left = self.head_video(p_video)
        right = self.head_audio(p_audio)
        logits = self.head_out(functional.relu(left[:, None, :] + right[None, :, :]))
        return torch.sigmoid(logits[..., 1] - logits[..., 0])  # a softmax over two classes, taken at "match"

    def agreement(self, video: Tensor, audio: Tensor, p_video: Tensor, p_audio: Tensor) -> Tensor | None:
        """Max of eq. 3 for every pair, [N, M]; None while the memory is empty. Inputs standardised and embedded."""
        filled = self.memory.filled
        if not bool(filled.any()):
            return None
        if self.config.keys == "raw":
            m_video, m_audio = self.memory.similarity(video, audio)
            m_video, m_audio = m_video[:, filled], m_audio[:, filled]
        else:
            # Projecting the slot keeps it in step with the projection: a bank of mapped vectors would grow stale.
            slots_video = functional.normalize(self.project_video(self.memory.video[filled]), dim=-1)
            slots_audio = functional.normalize(self.project_audio(self.memory.audio[filled]), dim=-1)
            m_video, m_audio = p_video @ slots_video.T, p_audio @ slots_audio.T
        if self.config.maximum == "soft":
            heat = self.config.temperature
            return torch.softmax(m_video / heat, -1) @ torch.softmax(m_audio / heat, -1).T
        best = m_video.new_full((len(m_video), len(m_audio)), -1.0)
        for slot in range(m_video.shape[1]):  # X is small; [N, M, X] at once would not fit for large galleries
            best = torch.maximum(best, m_video[:, slot, None] * m_audio[None, :, slot])
        return best

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """S [N, M], S1 [N, M], p_v [N, common] and p_a [M, common] of standardised video [N, D_v], audio [M, D_a]."""
        p_video, p_audio = self.embed_video(video), self.embed_audio(audio)
        s1 = self.s1(p_video, p_audio)
        agreement = self.agreement(video, audio, p_video, p_audio)
        return self.correct(s1, agreement), s1, p_video, p_audio

    def correct(self, s1: Tensor, agreement: Tensor | None) -> Tensor:
        """Eq. 3: S = S1 * Max^beta; S = S1 while nothing is remembered."""
        if agreement is None:
            return s1
        return s1 * agreement.clamp_min(TINY).pow(self.beta)
