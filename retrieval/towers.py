"""Two towers: a retriever that maps each modality by itself and compares with an inner product.

Every system of the comparison but the FMN is one of these; what makes them differ is how they are fitted.
"""

from dataclasses import asdict
from typing import Annotated, Any

import torch
from pydantic import AfterValidator
from torch import Tensor, nn
from torch.nn import functional

from fmn.checked import checked, rule
from fmn.errors import InputError

from .network import Gated, Standardiser

MOST = 1_000_000
BETWEEN = f"Two towers need {{name}} from 1 to {MOST}, got {{value!r}}."

Size = Annotated[int, rule(lambda size: 1 <= size <= MOST, BETWEEN)]


def _one_of(*allowed: str) -> AfterValidator:
    return rule(lambda given: given in allowed, f"Two towers have a {{name}} of {', '.join(allowed)}; got {{value!r}}.")


@checked("Two towers")
class TowersConfig:
    """The shape of two towers. Everything here is saved beside the weights.

    `kind`: "linear", one matrix (CCA, CFA, SM); "kernel", a Gaussian kernel with `landmarks` vectors, then a matrix
    (KCCA); "perceptron", a hidden layer, then a matrix (DCCA, VM-Net and its kin); "gated", a matrix and a gate on its
    output (AVLnet). `output`: "unit" compares by cosine, "posterior" by the inner product of two softmaxes, whose
    columns are the same classes on both sides (SM). `common`: columns of what is compared.
    """

    kind: Annotated[str, _one_of("linear", "kernel", "perceptron", "gated")]
    video_dim: Size
    audio_dim: Size
    common: Size
    hidden: int = 0
    landmarks: int = 0
    output: Annotated[str, _one_of("unit", "posterior")] = "unit"
    dropout: Annotated[float, rule(lambda share: 0 <= share < 1, "Dropout lies in [0, 1), got {value}.")] = 0.0

    def __post_init__(self) -> None:
        needed = {"kernel": "landmarks", "perceptron": "hidden"}.get(self.kind)
        if needed and not 1 <= getattr(self, needed) <= MOST:
            raise InputError(BETWEEN.format(name=needed, value=getattr(self, needed)))

    def to_json(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


class GaussianKernel(nn.Module):
    """x [N, D] -> exp(-|x - landmark|^2 / (2 width^2)) [N, landmarks], x divided by sqrt(D) first."""

    landmarks: Tensor
    width: Tensor

    def __init__(self, dim: int, landmarks: int) -> None:
        super().__init__()
        self.register_buffer("landmarks", torch.zeros(landmarks, dim))
        self.register_buffer("width", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] standardised -> [N, landmarks] in (0, 1]."""
        # Differences and not the expanded square: for a vector that is itself a landmark the square must be 0.
        distance = torch.cdist(features, self.landmarks, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-distance.square() / (2 * self.width.square() * features.shape[1]))


class TwoTowers(nn.Module):
    """Towers over cached vectors: video [N, video_dim] and audio [M, audio_dim], unnormalised as they are cached.

    Each side is a `Standardiser` and a tower, `standard_video`, `video`, `standard_audio`, `audio`; a linear tower is
    an `nn.Linear` with bias, a kernel tower `nn.Sequential(GaussianKernel, nn.Linear)`, a perceptron
    `nn.Sequential(nn.Linear, nn.ReLU, nn.Dropout, nn.Linear)`, a gated one `nn.Sequential(nn.Dropout, Gated)`.
    """

    def __init__(self, config: TowersConfig) -> None:
        super().__init__()
        self.config = config
        self.epochs = 0  # of the descent that fitted them, up to the one that is kept; 0: they were not descended
        self.standard_video, self.standard_audio = Standardiser(config.video_dim), Standardiser(config.audio_dim)
        self.video, self.audio = _tower(config, config.video_dim), _tower(config, config.audio_dim)

    def embed_video(self, video: Tensor) -> Tensor:
        """[N, video_dim] as cached -> [N, common]: unit length, or a posterior."""
        return self._finish(self.video(self.standard_video(video)))

    def embed_audio(self, audio: Tensor) -> Tensor:
        """[M, audio_dim] as cached -> [M, common]: unit length, or a posterior."""
        return self._finish(self.audio(self.standard_audio(audio)))

    def score(self, video: Tensor, audio: Tensor) -> Tensor:
        """Inner product of every pair of embeddings, [N, M]."""
        return self.embed_video(video) @ self.embed_audio(audio).T

    def _finish(self, mapped: Tensor) -> Tensor:
        return functional.normalize(mapped, dim=-1) if self.config.output == "unit" else torch.softmax(mapped, dim=-1)


def _tower(config: TowersConfig, dim: int) -> nn.Module:
    if config.kind == "linear":
        return nn.Linear(dim, config.common)
    if config.kind == "kernel":
        return nn.Sequential(GaussianKernel(dim, config.landmarks), nn.Linear(config.landmarks, config.common))
    if config.kind == "perceptron":
        return nn.Sequential(
            nn.Linear(dim, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.common),
        )
    return nn.Sequential(nn.Dropout(config.dropout), Gated(dim, config.common))
