"""Filling a memory of items: everything is remembered, and how it is read is chosen on the validation part.

Nothing is fitted by descent, so what was held out to choose on is remembered too, after the choice.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fmn.retrieval.network import FmnConfig
from fmn.retrieval.remembering import MemoryConfig, MemoryNetwork
from fmn.retrieval.store import BEST_FILE, read_network

from .data import Side, TrainingSet, validation_map
from .fit import fit
from .settings import TrainSettings

SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"shrinkage": 0.02},
    {"shrinkage": 0.4},
    {"kernel": "rbf"},
    {"kernel": "rbf", "shrinkage": 0.4},
    {"kernel": "arc-cosine"},
)
"""The candidates, of which the validation part chooses one: fields of `MemoryConfig`."""


def remember(data: TrainingSet, **setting: Any) -> MemoryNetwork:
    """A memory of the part to fit on, in eval() and on its device. `setting`: fields of `MemoryConfig`.

    The categories are those of the whole train split, so that a code is the same slot whatever part is remembered.
    Raises InputError for a setting that is none.
    """
    video, audio = data.fit_video, data.fit_audio
    sizes = {
        "video_dim": video.features.shape[1],
        "audio_dim": audio.features.shape[1],
        "video_items": len(video.ids),
        "audio_items": len(audio.ids),
        "names": data.names,
    }
    network = MemoryNetwork(MemoryConfig(**{**sizes, **setting})).to(video.features.device)
    network.remember(video.features, audio.features, video.codes, audio.codes)
    return network.eval()


def fit_memory(data: TrainingSet, *, seed: int, exponent: float = 0.0, **setting: Any) -> MemoryNetwork:
    """`remember`, as the comparison calls what it compares; without a middle branch nothing is left to chance.

    Args:
        data: the train split.
        seed: of the middle branch.
        exponent: alpha of S1; above 0 a middle branch is fitted by descent, an FMN with beta 0.
        setting: fields of `MemoryConfig`.
    """
    if exponent == 0:
        return remember(data, **setting)
    shape = FmnConfig(video_dim=data.fit_video.features.shape[1], audio_dim=data.fit_audio.features.shape[1], beta=0.0)
    with tempfile.TemporaryDirectory() as folder:
        fit(shape, TrainSettings(seed=seed), data, Path(folder), resume=False)
        middle = read_network(Path(folder) / BEST_FILE, shape)
    network = remember(data, exponent=exponent, middle=shape.to_json(), **setting)
    assert network.middle is not None
    network.middle.load_state_dict(middle.state_dict())
    return network.eval()


def choose(
    parted: Sequence[TrainingSet], candidates: Sequence[dict[str, Any]], step: Callable[[], None] = lambda: None
) -> tuple[int, list[float]]:
    """The candidate with the highest validation mAP, the first of equals, and the mAP of each in [0, 1].

    `parted`: the train split, parted once or more often (`fmn.train.choosing`); the mean counts. Where nothing could be
    held out it is the first candidate, and all of them are NaN. `step` is called after each.
    """
    if not parted[0].has_validation:
        return 0, [float("nan")] * len(candidates)
    found = []
    for setting in candidates:
        found.append(sum(validation_map(remember(data, **setting), data) for data in parted) / len(parted))
        step()
    return max(range(len(found)), key=lambda at: (found[at], -at)), found


def whole(data: TrainingSet) -> TrainingSet:
    """The same train split with nothing held out: what was is fitted on, too."""

    def joined(fit: Side, held: Side) -> Side:
        known = set(fit.ids)  # of categories that cannot be held out
        rows = [row for row, name in enumerate(held.ids) if name not in known]
        return Side(
            torch.cat([fit.features, held.features[rows]]),
            torch.cat([fit.codes, held.codes[rows]]),
            [*fit.ids, *(held.ids[row] for row in rows)],
        )

    def none(side: Side) -> Side:
        return Side(side.features[:0], side.codes[:0], [])

    return replace(
        data,
        fit_video=joined(data.fit_video, data.held_video),
        fit_audio=joined(data.fit_audio, data.held_audio),
        held_video=none(data.held_video),
        held_audio=none(data.held_audio),
    )
