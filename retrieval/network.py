"""The feature memory network (FMN): a common space, a fusion head and two memory banks that correct it.

Equations are the paper's: p = normalise(W x) (sec. 3.3) and S1 = softmax(head([p_v ; p_a])). Eq. 3, which makes S of S1
and of the similarities with the memory, stands in `scoring`.
"""

import math
from dataclasses import asdict
from typing import Annotated, Any

import torch
from pydantic import AfterValidator
from torch import Tensor, nn
from torch.nn import functional

from fmn.checked import checked, rule
from fmn.errors import InputError

from .memory import FeatureMemory, IndependentMemory
from .scoring import eq3, largest_meeting

MOST = 1_000_000  # of slots and of dimensions: beyond that it is a slip of the finger
CHUNK_PAIRS = 1 << 15  # pairs scored at once: the head's hidden layer is [pairs, hidden]
HEAT = 8.0  # of the cosine in S1 at the start; it is learned

Size = Annotated[int, rule(lambda size: 1 <= size <= MOST, f"FMN needs {{name}} from 1 to {MOST}, got {{value}}.")]
Threshold = Annotated[float, rule(math.isfinite, "The memory's threshold {name} is a number, got {value}.")]


def _one_of(*allowed: str) -> AfterValidator:
    return rule(lambda given: given in allowed, f"FMN's {{name}} is one of {', '.join(allowed)}; got {{value!r}}.")


@checked("FMN")
class FmnConfig:
    """The shape of an FMN. Everything here is saved beside the weights.

    `projection`: "gated" brings a vector to the common space through a gated unit (`Gated`), "linear" is
    the paper's matrix. `fusion`: S1 is the softmax of a head over match and no match; "head" is the paper's, over
    [p_v ; p_a] with a hidden layer, "cosine" sees cos(p_v, p_a) alone, times a learned number and plus another, and
    "both" adds the two. `keys`: where a query meets the slots. The banks always hold *unmapped* features; "raw"
    compares those (the paper), "common" sends slot and query through the same projection first. `maximum`: "hard" is
    the paper's max over slots of M_v * M_a; "soft" is the inner product of the two softmaxes over slots at
    `temperature`. `slots`: "categories" gives each category one slot, the mean of all its pairs with S1 > T1
    (`fmn.retrieval.memory.remember_categories`); "paired" banks are written pair by pair and together, so that slot x
    of both is one pair, by T1, T2 and `weight` (the paper); "independent" ones each by their own similarity. However
    they were fitted, updating goes by T1, T2 and `weight`.
    """

    video_dim: Size = 2048
    audio_dim: Size = 2048
    common: Size = 256
    hidden: Size = 256
    capacity: Size = 50
    t1: Threshold = 0.5
    t2: Threshold = 0.4
    weight: Annotated[float, rule(lambda w: 0 <= w <= 1, "The memory's weight lies in [0, 1], got {value}.")] = 0.1
    beta: Annotated[
        float, rule(lambda beta: -10 <= beta <= 10, "The exponent beta of eq. 3 lies in [-10, 10], got {value}.")
    ] = 1.0
    learn_beta: bool = False
    keys: Annotated[str, _one_of("raw", "common")] = "common"
    maximum: Annotated[str, _one_of("hard", "soft")] = "soft"
    slots: Annotated[str, _one_of("categories", "paired", "independent")] = "categories"
    temperature: Annotated[
        float, rule(lambda heat: 0 < heat < math.inf, "The memory's temperature is above 0, got {value}.")
    ] = 0.1
    projection: Annotated[str, _one_of("gated", "linear")] = "gated"
    fusion: Annotated[str, _one_of("cosine", "both", "head")] = "cosine"
    dropout: Annotated[float, rule(lambda share: 0 <= share < 1, "Dropout lies in [0, 1), got {value}.")] = 0.7

    @property
    def leaves_memory_out(self) -> bool:
        """Whether S is S1 whatever is remembered: beta is 0, and not learned."""
        return self.beta == 0 and not self.learn_beta

    def to_json(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


class Standardiser(nn.Module):
    """x -> (x - mean) * scale, a column at a time; until `fit` it changes nothing.

    Pooled network features share a large common offset, without which every cosine would be nearly 1.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Take mean and deviation from [N, D]. Constant columns become 0."""
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        floor = 1e-6 * deviation.max().clamp_min(1e-12)
        scale = torch.where(deviation > floor, 1.0 / deviation.clamp_min(1e-30), torch.zeros_like(deviation))
        self.scale.copy_(scale)

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] -> [N, D]."""
        return (features - self.mean) * self.scale


class Gated(nn.Module):
    """x -> y * sigmoid(G y + b) with y = W x + c: the gated unit of Miech et al. 2018, which AVLnet ends in."""

    def __init__(self, dim: int, common: int) -> None:
        super().__init__()
        self.lead = nn.Linear(dim, common)
        self.gate = nn.Linear(common, common)

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] -> [N, common]."""
        led: Tensor = self.lead(features)
        return led * torch.sigmoid(self.gate(led))


class FeatureMemoryNetwork(nn.Module):
    """FMN over cached vectors: video [N, video_dim] and audio [M, audio_dim], both unnormalised as they are cached.

    Inputs are standardised with the mean and deviation of the train part (`fit_standardiser`).
    """

    beta: Tensor
    memory: FeatureMemory | IndependentMemory

    def __init__(self, config: FmnConfig) -> None:
        super().__init__()
        self.config = config
        self.project_video = _projection(config, config.video_dim)
        self.project_audio = _projection(config, config.audio_dim)
        if config.fusion != "cosine":
            # One linear layer over [p_v ; p_a] scores f(v) + g(a), one ranking for every query: hence a hidden one.
            self.head_video = nn.Linear(config.common, config.hidden, bias=False)
            self.head_audio = nn.Linear(config.common, config.hidden)
            self.head_out = nn.Linear(config.hidden, 2)
        if config.fusion != "head":
            self.heat = nn.Parameter(torch.tensor(HEAT))
            self.offset = nn.Parameter(torch.tensor(-HEAT / 2))  # S1 = 1/2 at a cosine of 1/2, but for the head
        self.drop = nn.Dropout(config.dropout)
        banks = IndependentMemory if config.slots == "independent" else FeatureMemory
        self.memory = banks(config.capacity, (config.video_dim, config.audio_dim), config.t1, config.t2, config.weight)
        beta = torch.tensor(float(config.beta))
        if config.learn_beta:
            self.beta = nn.Parameter(beta)
        else:
            self.register_buffer("beta", beta)
        self.standard_video, self.standard_audio = Standardiser(config.video_dim), Standardiser(config.audio_dim)

    @property
    def pairs(self) -> FeatureMemory:
        """The banks as pairs; InputError where they are independent of one another."""
        if not isinstance(self.memory, FeatureMemory):
            raise InputError("Only paired banks learn pairs; this run was trained with slots 'independent'.")
        return self.memory

    def fit_standardiser(self, video: Tensor, audio: Tensor) -> None:
        """Take mean and deviation from the train part: video [N, D_v], audio [M, D_a]. Constant columns become 0."""
        self.standard_video.fit(video)
        self.standard_audio.fit(audio)

    def standardise_video(self, video: Tensor) -> Tensor:
        """[N, D_v] -> [N, D_v], zero mean and unit deviation over the train part."""
        return self.standard_video(video)  # type: ignore[no-any-return]

    def standardise_audio(self, audio: Tensor) -> Tensor:
        """[M, D_a] -> [M, D_a], zero mean and unit deviation over the train part."""
        return self.standard_audio(audio)  # type: ignore[no-any-return]

    def embed_video(self, standardised: Tensor) -> Tensor:
        """p_v [N, common], unit length, from standardised features."""
        return functional.normalize(self.project_video(self.drop(standardised)), dim=-1)

    def embed_audio(self, standardised: Tensor) -> Tensor:
        """p_a [M, common], unit length, from standardised features."""
        return functional.normalize(self.project_audio(self.drop(standardised)), dim=-1)

    def s1(self, p_video: Tensor, p_audio: Tensor) -> Tensor:
        """S1 of every pair, [N, M] in (0, 1): the head's first layer factors, so N x M pairs cost N + M products."""
        match = p_video.new_zeros(())
        if self.config.fusion != "cosine":
            left, right = self.head_video(p_video), self.head_audio(p_audio)
            logits = self.head_out(functional.relu(left[:, None, :] + right[None, :, :]))
            match = logits[..., 1] - logits[..., 0]
        if self.config.fusion != "head":
            match = match + self.heat * (p_video @ p_audio.T) + self.offset
        return torch.sigmoid(match)  # a softmax over two classes, taken at "match"

    def all_s1(self, p_video: Tensor, p_audio: Tensor) -> Tensor:
        """`s1` of many pairs, in pieces: the head's hidden layer is [pairs, hidden]."""
        rows = max(1, CHUNK_PAIRS // max(1, len(p_audio)))
        return torch.cat([self.s1(p_video[i : i + rows], p_audio) for i in range(0, len(p_video), rows)])

    def similarities(
        self, video: Tensor, audio: Tensor, p_video: Tensor, p_audio: Tensor, slots: Tensor
    ) -> tuple[Tensor, Tensor]:
        """M_v [N, x] and M_a [M, x] with the `slots` (bool [X], x of them true). Inputs standardised and embedded."""
        if self.config.keys == "raw":
            raw_video, raw_audio = self.memory.similarity(video, audio)
            return raw_video[:, slots], raw_audio[:, slots]
        # Projecting the slot keeps it in step with the projection: a bank of mapped vectors would grow stale.
        slots_video = functional.normalize(self.project_video(self.memory.video[slots]), dim=-1)
        slots_audio = functional.normalize(self.project_audio(self.memory.audio[slots]), dim=-1)
        return p_video @ slots_video.T, p_audio @ slots_audio.T

    def from_similarities(self, s1: Tensor, m_video: Tensor, m_audio: Tensor) -> Tensor:
        """S [N, M] by eq. 3 of S1 [N, M] and of M_v [N, x] and M_a [M, x] with the filled slots, one or more."""
        temperature = self.config.temperature if self.config.maximum == "soft" else None
        return eq3(s1, largest_meeting(m_video, m_audio, temperature), self.beta)

    def pair_scores(self, video: Tensor, audio: Tensor, p_video: Tensor, p_audio: Tensor) -> tuple[Tensor, Tensor]:
        """S and S1 of every pair, [N, M] each. Inputs standardised and embedded."""
        s1, filled = self.s1(p_video, p_audio), self.memory.filled
        if not bool(filled.any()):
            return s1, s1
        return self.from_similarities(s1, *self.similarities(video, audio, p_video, p_audio, filled)), s1

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """S [N, M], S1 [N, M], p_v [N, common] and p_a [M, common] of standardised video [N, D_v], audio [M, D_a]."""
        p_video, p_audio = self.embed_video(video), self.embed_audio(audio)
        s, s1 = self.pair_scores(video, audio, p_video, p_audio)
        return s, s1, p_video, p_audio

    def score(self, video: Tensor, audio: Tensor) -> Tensor:
        """S of every pair [N, M] on the CPU, of features as they are cached: video [N, D_v], audio [M, D_a]."""
        standard_video, standard_audio = self.standardise_video(video), self.standardise_audio(audio)
        p_video, p_audio = self.embed_video(standard_video), self.embed_audio(standard_audio)
        rows = max(1, CHUNK_PAIRS // max(1, len(p_audio)))
        scores = torch.empty(len(p_video), len(p_audio))
        for start in range(0, len(p_video), rows):
            part = slice(start, start + rows)
            scores[part] = self.pair_scores(standard_video[part], standard_audio, p_video[part], p_audio)[0].cpu()
        return scores


def _projection(config: FmnConfig, dim: int) -> nn.Module:
    if config.projection == "gated":
        return Gated(dim, config.common)
    return nn.Linear(dim, config.common, bias=False)
