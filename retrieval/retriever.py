"""The FMN as a retriever: `score(video [N, D_v], audio [M, D_a]) -> [N, M]`, higher = better match."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmn.cache import FeatureCache
from fmn.errors import InputError
from fmn.retrieval.network import FeatureMemoryNetwork

CHUNK_PAIRS = 1 << 15  # pairs scored at once: the head's hidden layer is [pairs, hidden]


@dataclass
class Retriever:
    """A fitted FMN with what it was fitted on.

    `features`: modality -> {"encoder": name, "fingerprint": sha256}; `fitted_on`: modality -> ids of the fitting and
    validation items; `facts`: what the report repeats (seed, epochs, where it was read from, ...).
    """

    network: FeatureMemoryNetwork
    features: dict[str, dict[str, str]]
    fitted_on: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def encoders(self) -> dict[str, str]:
        """Modality -> name of the encoder whose features this retriever wants."""
        return {modality: self.encoder(modality) for modality in self.features}

    def encoder(self, modality: str) -> str:
        """Name of the encoder whose features this retriever wants."""
        return self.features[modality]["encoder"]

    @torch.no_grad()
    def score(self, video: NDArray[np.floating] | Tensor, audio: NDArray[np.floating] | Tensor) -> NDArray[np.float32]:
        """S of every pair.

        Args:
            video: cached video features, [N, D_v], finite.
            audio: cached audio features, [M, D_a], finite.

        Returns:
            S [N, M] float32 (eq. 3).

        Raises:
            InputError: another width than the retriever was fitted on, or values that are not finite.
        """
        network = self.network.eval()
        device = network.mean_video.device
        config = network.config
        video_in = _features(video, config.video_dim, "video").to(device)
        audio_in = _features(audio, config.audio_dim, "audio").to(device)
        standard_video, standard_audio = network.standardise_video(video_in), network.standardise_audio(audio_in)
        p_video, p_audio = network.embed_video(standard_video), network.embed_audio(standard_audio)
        rows = max(1, CHUNK_PAIRS // max(1, len(p_audio)))
        scores = torch.empty(len(p_video), len(p_audio))
        for start in range(0, len(p_video), rows):
            part = slice(start, start + rows)
            agreement = network.agreement(standard_video[part], standard_audio, p_video[part], p_audio)
            scores[part] = network.correct(network.s1(p_video[part], p_audio), agreement).cpu()
        return scores.numpy()

    def check(self, cache: FeatureCache) -> None:
        """Raise InputError unless `cache` holds the very features that this retriever was fitted on.

        Other vectors of the same encoders are welcome (a grown gallery); vectors of other encoders, weights or flow
        are not, and neither is a cache whose test split holds an item of this retriever's fitting.
        """
        for modality, wanted in self.features.items():
            found = cache.fingerprint(modality, wanted["encoder"])
            if found != wanted["fingerprint"]:
                raise InputError(
                    f"A run works on the features that it was fitted on: it was fitted on {modality} features "
                    f"'{wanted['encoder']}' {wanted['fingerprint'][:12]}, {cache.path} holds {found[:12]}. "
                    "Train a new run on this cache, or name the cache of the run with --cache."
                )
            ids = cache.ids(modality, wanted["encoder"])
            splits = cache.splits(modality, wanted["encoder"])
            fitted = set(self.fitted_on.get(modality, ()))
            leaked = [item for item, split in zip(ids, splits, strict=True) if split == "test" and item in fitted]
            if leaked:
                raise InputError(
                    f"No test item may have been fitted on: {len(leaked)} {modality} items of the test split of "
                    f"{cache.path} were in this run's fitting (first: {leaked[0]}). Train a new run on this cache."
                )


def _features(features: NDArray[np.floating] | Tensor, dim: int, modality: str) -> Tensor:
    # A copy where it is an array: torch warns of arrays that may not be written to.
    given = features if isinstance(features, Tensor) else torch.from_numpy(np.array(features, dtype=np.float32))
    found = given.to(torch.float32)
    if found.ndim != 2 or found.shape[1] != dim:
        raise InputError(f"This retriever scores {modality} features of shape [n, {dim}], got {list(found.shape)}.")
    if not bool(torch.isfinite(found).all()):
        raise InputError(f"Features are finite numbers; the {modality} features hold NaN or infinity.")
    return found
