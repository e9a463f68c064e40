"""A retriever, the FMN or any other: `score(video [N, D_v], audio [M, D_a]) -> [N, M]`, higher = better match."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmn.cache import FeatureCache
from fmn.errors import InputError

from .network import FeatureMemoryNetwork, Standardiser
from .remembering import MemoryNetwork
from .towers import TwoTowers

Model = MemoryNetwork | FeatureMemoryNetwork | TwoTowers

# Distance of two encodings of one file, as a share of the vector's length, both standardised: rounding only. Different
# items of one category were measured to be 0.37 apart at the least, 0.65-0.9 from their nearest neighbour as a rule.
SAME = 0.02


@dataclass
class Retriever:
    """A fitted model with what it was fitted on.

    `features`: modality -> {"encoder": name, "fingerprint": sha256}; `fitted_on`: modality -> ids of the fitting and
    validation items; `facts`: what the report repeats (seed, epochs, where it was read from, ...); `enrolled`: modality
    -> features [n, D] of the pairs written into the memory without training, empty without any.
    """

    network: Model
    features: dict[str, dict[str, str]]
    fitted_on: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    enrolled: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def encoders(self) -> dict[str, str]:
        """Modality -> name of the encoder whose features this retriever wants."""
        return {modality: self.encoder(modality) for modality in self.features}

    def encoder(self, modality: str) -> str:
        """Name of the encoder whose features this retriever wants."""
        return self.features[modality]["encoder"]

    @torch.no_grad()
    def score(
        self,
        video: NDArray[np.floating] | Tensor,
        audio: NDArray[np.floating] | Tensor,
        indexed: tuple[str, ...] = (),
    ) -> NDArray[np.float32]:
        """S of every pair.

        Args:
            video: cached video features, [N, D_v], finite.
            audio: cached audio features, [M, D_a], finite.
            indexed: modalities that are a gallery, given whole, which the memory absorbs first.

        Returns:
            S [N, M] float32 (FMN: eq. 3).

        Raises:
            InputError: another width than the retriever was fitted on, values that are not finite, or a gallery for a
                retriever without a memory of items.
        """
        network = self.network.eval()
        config, device = network.config, next(network.buffers()).device
        video_in = features_in(video, config.video_dim, "video").to(device)
        audio_in = features_in(audio, config.audio_dim, "audio").to(device)
        if isinstance(network, MemoryNetwork):
            return network.score(video_in, audio_in, indexed).float().cpu().numpy()
        if indexed:
            raise InputError(
                "Only a memory of items absorbs a gallery; this run is of another kind. Train one with fmn-train, "
                "without --as-printed."
            )
        return network.score(video_in, audio_in).float().cpu().numpy()

    def check(self, cache: FeatureCache) -> None:
        """Raise InputError unless `cache` holds the very features that this retriever was fitted on.

        Other vectors of the same encoders are welcome (a grown gallery); vectors of other encoders, weights or flow
        are not, and neither is a cache whose test split holds an item of this retriever's fitting (by id) or an
        enrolled one (by content: its name says little, as it came from another folder).
        """
        for modality, wanted in self.features.items():
            found = cache.fingerprint(modality, wanted["encoder"])
            if found != wanted["fingerprint"]:
                raise InputError(
                    f"A run works on the features that it was fitted on: it was fitted on {modality} features "
                    f"'{wanted['encoder']}' {wanted['fingerprint'][:12]}, {cache.path} holds {found[:12]}. "
                    "Train a new run on this cache, or name the cache of the run with --cache."
                )
            fitted = set(self.fitted_on.get(modality, ()))
            tests = [item.id for item in cache.items(modality, wanted["encoder"], split="test")]
            leaked = [item for item in tests if item in fitted]
            if self.enrolled and tests:
                features = cache.features(modality, wanted["encoder"], split="test")
                met = _seen(features, self.enrolled[modality], getattr(self.network, f"standard_{modality}"))
                leaked += [item for item, known in zip(tests, met, strict=True) if known and item not in fitted]
            if leaked:
                raise InputError(
                    f"No test item may have been fitted on: {len(leaked)} {modality} items of the test split of "
                    f"{cache.path} were in this run's fitting or enrolment (first: {leaked[0]}). "
                    "Train a new run on this cache."
                )

    def known_in(self, cache: FeatureCache, split: str) -> int:
        """How many items of a split the fitting, or the choice of its epoch, has seen (by id)."""
        known = 0
        for modality, wanted in self.features.items():
            fitted = set(self.fitted_on.get(modality, ()))
            known += sum(item.id in fitted for item in cache.items(modality, wanted["encoder"], split=split))
        return known


def features_in(features: NDArray[np.floating] | Tensor, dim: int, modality: str) -> Tensor:
    """Features [n, dim] as a float32 tensor; InputError for another shape or values that are not finite."""
    # A copy where it is an array: torch warns of arrays that may not be written to.
    given = features if isinstance(features, Tensor) else torch.from_numpy(np.array(features, dtype=np.float32))
    found = given.to(torch.float32)
    if found.ndim != 2 or found.shape[1] != dim:
        raise InputError(f"This retriever scores {modality} features of shape [n, {dim}], got {list(found.shape)}.")
    if not bool(torch.isfinite(found).all()):
        raise InputError(f"Features are finite numbers; the {modality} features hold NaN or infinity.")
    return found


def _seen(features: NDArray[np.float32], known: NDArray[np.float32], standard: Standardiser) -> NDArray[np.bool_]:
    """Which rows of features [n, D] are the content of a row of known [m, D]: bool [n].

    standard: how the modality is standardised; pooled features share an offset that makes all of them look alike.
    """
    device = standard.mean.device
    left, right = (standard(torch.from_numpy(np.array(each)).to(device)) for each in (features, known))
    lengths = torch.linalg.vector_norm(left, dim=1)
    nearest = torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist").amin(1)
    found: NDArray[np.bool_] = (nearest <= SAME * lengths).cpu().numpy()
    return found
