"""From projections found in numpy to towers: standardised vectors to fit on, and layers that hold the result."""

import numpy as np
import torch
from torch import nn

from fmn.retrieval.network import Standardiser
from fmn.retrieval.towers import TowersConfig, TwoTowers

from ..data import TrainingSet
from .pairs import Floats, common_codes


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
    features, others = data.fit_video.features, data.fit_audio.features
    config = TowersConfig("linear", features.shape[1], others.shape[1], video.shape[1])
    towers = TwoTowers(config).to(features.device)
    towers.standard_video.fit(features)
    towers.standard_audio.fit(others)
    for layer, matrix, shift in ((towers.video, video, video_shift), (towers.audio, audio, audio_shift)):
        assert isinstance(layer, nn.Linear)
        fold(layer, matrix, shift)
    return towers.eval()
