"""Towers for a train split; and from projections found in numpy to towers: vectors to fit on, layers that hold them."""

from typing import Any

import numpy as np
import torch
from torch import nn

from fmn.retrieval.network import Standardiser
from fmn.retrieval.towers import TowersConfig, TwoTowers

from ..data import TrainingSet
from .pairs import Floats, common_codes


def towers_for(data: TrainingSet, kind: str, common: int, **shape: Any) -> TwoTowers:
    """Towers for the columns of `data`, on its device, whose standardisers are fitted on the part to fit on.

    `kind`, `common` and `shape` are fields of `TowersConfig`; the initial weights are drawn from torch's generator.
    """
    video, audio = data.fit_video.features, data.fit_audio.features
    towers = TwoTowers(TowersConfig(kind, video.shape[1], audio.shape[1], common, **shape)).to(video.device)
    towers.standard_video.fit(video)
    towers.standard_audio.fit(audio)
    return towers


def standardised(data: TrainingSet) -> tuple[Floats, Floats]:
    """Video [n, D] and audio [m, E] of the part to fit on, in double precision on the CPU, as towers standardise them.

    Raises:
        InputError: see `common_codes`.
    """
    common_codes(data.fit_video.codes.numpy(), data.fit_audio.codes.numpy())
    found = []
    for features in (data.fit_video.features, data.fit_audio.features):
        standardiser = Standardiser(features.shape[1]).to(features.device)
        standardiser.fit(features)
        found.append(np.asarray(standardiser(features).double().cpu().numpy()))
    return found[0], found[1]


@torch.no_grad()
def fold(layer: nn.Linear, matrix: Floats, shift: Floats) -> None:
    """Make `layer` the map x -> x @ matrix - shift, matrix [D, common] and shift [common]."""
    layer.weight.copy_(torch.from_numpy(matrix.T.copy()))
    layer.bias.copy_(torch.from_numpy(-shift))


def linear_towers(
    data: TrainingSet, video: Floats, video_shift: Floats, audio: Floats, audio_shift: Floats
) -> TwoTowers:
    """Linear towers, in eval() and on the data's device, that map standardised x to x @ matrix - shift.

    `video` [video_dim, common] and `audio` [audio_dim, common] are the matrices, the shifts are [common].
    """
    towers = towers_for(data, "linear", video.shape[1])
    for layer, matrix, shift in ((towers.video, video, video_shift), (towers.audio, audio, audio_shift)):
        assert isinstance(layer, nn.Linear)
        fold(layer, matrix, shift)
    return towers.eval()
