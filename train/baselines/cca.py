"""CCA (Hotelling 1936; for retrieval Rasiwasia et al. 2010): the row "CCA" of the comparison."""

from typing import Any

from fmn.retrieval.towers import TwoTowers

from ..data import TrainingSet
from .canonical import canonical
from .folding import linear_towers, standardised
from .pairs import pair_rows
from .principal import principal_basis

SETTINGS: tuple[dict[str, Any], ...] = (
    {"principal": 400, "ridge": 0.1, "power": 2.0},
    {"principal": 400, "ridge": 0.03, "power": 1.0},
    {"principal": 400, "ridge": 0.2, "power": 1.0},
    {"principal": 180, "ridge": 0.1, "power": 1.0},
    {"principal": 120, "ridge": 0.03, "power": 1.0},
    {"principal": 60, "ridge": 0.5, "power": 0.5},
)


def fit_cca(
    data: TrainingSet,
    *,
    seed: int,
    principal: int = 400,
    ridge: float = 0.1,
    columns: int = 64,
    power: float = 1.0,
) -> TwoTowers:
    """Fit two linear towers by ridge CCA over all matched pairs of the part that is fitted on.

    Vectors are standardised, reduced to their principal components and brought to a mean variance of 1, so that
    `ridge` means the same for every encoder; all of it is folded into one matrix and a bias a side.

    Args:
        data: the train split; the held-out part is not looked at.
        seed: taken as every fit takes one; nothing here is left to chance.
        principal: principal components a side at most.
        ridge: in [0, 1], see `canonical`.
        columns: canonical columns at most.
        power: columns are scaled by their correlation to this power, see `Canonical.scaled`.

    Raises:
        InputError: nothing that can vary together (see `pair_rows`), or no cca-zoo.
    """
    video, audio = standardised(data)
    first, second = principal_basis(video, principal), principal_basis(audio, principal)
    rows = pair_rows(video @ first, audio @ second, data.fit_video.codes.numpy(), data.fit_audio.codes.numpy())
    found = canonical(rows, columns, ridge).scaled(power)
    return linear_towers(
        data,
        first @ found.video,
        rows.video_mean @ found.video,
        second @ found.audio,
        rows.audio_mean @ found.audio,
    )
