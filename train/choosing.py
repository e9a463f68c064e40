"""The parts of the train split on which settings are chosen: one that no encoder has seen, or several."""

import torch

from fmn.cache import EncoderRecord, FeatureCache

from .data import TrainingSet, load_training_set

PARTS = 3
"""Where no encoder was fitted on the train split, so often is it parted anew: one part is small, and its order of two
settings is often chance. A fitted encoder knows all but the first part, and what it knows is ranked too well."""


def choosing_sets(
    cache: FeatureCache,
    encoders: dict[str, str],
    fraction: float,
    device: torch.device,
    without: frozenset[str] = frozenset(),
) -> list[TrainingSet]:
    """The train split, parted once or `PARTS` times; whole groups are held out each time.

    Args and raises as of `load_training_set`, whose result is the first.
    """
    first = load_training_set(cache, encoders, fraction, device, without)
    records = [cache.encoder(modality, name) for modality, name in encoders.items()]
    if (
        marked(cache, encoders)
        or not fraction
        or not first.has_validation
        or any(fitted_on_train(record) for record in records)
    ):
        return [first]
    others = [load_training_set(cache, encoders, fraction, device, without, draw) for draw in range(1, PARTS)]
    return [first, *(each for each in others if each.has_validation)]


def marked(cache: FeatureCache, encoders: dict[str, str]) -> bool:
    """Whether the manifest itself says what is held out; `encoders`: modality -> encoder name."""
    return any("val" in cache.splits(modality, name) for modality, name in encoders.items())


def fitted_on_train(record: EncoderRecord) -> bool:
    """Whether an encoder was fitted by this package: here, on the train split, or on what may well be it."""
    return bool({"fitted", "fitted_on"} & set(record.notes))
