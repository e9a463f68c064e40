"""How an FMN is fitted: the schedule, the losses' weights and the seed. All of it is saved in the run."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

from fmn.checked import checked, rule
from fmn.errors import InputError
from fmn.retrieval.network import FmnConfig
from fmn.retrieval.remembering import MemoryConfig
from fmn.retrieval.store import read_run

from .losses import NEGATIVES

READING = ("kernel", "width", "shrinkage", "temperature", "gallery_weight", "folds")
"""Fields of `MemoryConfig` that say how a memory is read, and not what it holds."""
WRITES = ("label", "score")
AS_PRINTED: dict[str, Any] = {
    "beta": -1.0,
    "keys": "raw",
    "maximum": "hard",
    "projection": "linear",
    "fusion": "head",
    "slots": "paired",
    "triplet": 1.0,
    "ranking": 0.0,
}
"""The paper's letter, eq. 1 to 4: fields of `FmnConfig` and of `TrainSettings`. In training only matching pairs are
written, as in the default; with `writes` "score" S1 > T1 alone decides."""

_NAMES = {"rate": "learning_rate", "decay": "weight_decay"}
"""What runs and comparisons made earlier call a setting, and its present name."""

Share = Annotated[float, rule(lambda value: 0 <= value < 1, "The validation share lies in [0, 1), got {value}.")]
_FROM_0 = rule(lambda value: 0 <= value < math.inf, "Training needs a {name} of at least 0, got {value}.")
_FROM_1 = rule(lambda value: value >= 1, "Training needs {name} of at least 1, got {value}.")


@checked("Training")
class TrainSettings:
    """The paper's schedule (Adam, 500 epochs of batches of 64) with early stopping on the validation part.

    `patience`: epochs without a better validation mAP before the fitting ends, 0 = never. `validation`: share of the
    train split that is held out, per label (groups whole). `triplet`: lambda of eq. 4. `margin`: of eq. 1, in cosine.
    `ranking`: weight of the softmax ranking of the cosines times `scale`, see `fmn.train.losses.ranking_loss`.
    `writes`: which pairs the memory is offered: "label", the matching ones; "score", as many that do not match as well,
    so that S1 > T1 alone decides (not with one slot a category, which the labels tell apart).
    `negatives`: which others form the triplets, see `fmn.train.losses.triplet_loss`.
    """

    epochs: Annotated[int, _FROM_1] = 500
    batch: Annotated[int, _FROM_1] = 64
    learning_rate: Annotated[
        float, rule(lambda value: 0 < value <= 1, "The learning rate is above 0 and at most 1, got {value}.")
    ] = 2e-3
    weight_decay: Annotated[float, _FROM_0] = 1e-4
    triplet: Annotated[float, _FROM_0] = 0.0
    margin: Annotated[float, _FROM_0] = 0.2
    ranking: Annotated[float, _FROM_0] = 1.0
    scale: Annotated[
        float, rule(lambda value: 0 < value < math.inf, "The softmax ranking needs a scale above 0, got {value}.")
    ] = 4.0
    patience: Annotated[int, _FROM_0] = 40
    validation: Share = 0.2
    writes: Annotated[
        str,
        rule(WRITES.__contains__, "The memory is offered pairs by label or by score; got writes {value!r}."),
    ] = "label"
    seed: Annotated[
        int, rule(range(2**32).__contains__, f"The seed is a whole number from 0 to {2**32 - 1}, got {{value}}.")
    ] = 0
    negatives: Annotated[
        str,
        rule(NEGATIVES.__contains__, f"Triplets are formed with negatives {', '.join(NEGATIVES)}; got {{value!r}}."),
    ] = "all"

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def parted(setting: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A setting's fields of `FmnConfig` and those of `TrainSettings`; InputError for a name that is of neither."""
    shape, schedule = ({each.name for each in fields(cls)} for cls in (FmnConfig, TrainSettings))
    unknown = sorted(setting.keys() - shape - schedule)
    if unknown:
        raise InputError(f"FMN has no setting {', '.join(unknown)}.")
    of_shape = {key: value for key, value in setting.items() if key in shape}
    return of_shape, {key: value for key, value in setting.items() if key in schedule}


def as_named_now(value: Any) -> Any:
    """JSON values that an earlier version may have written, their settings under the names that they have now."""
    if isinstance(value, list):
        return [as_named_now(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {_NAMES.get(key, key): as_named_now(each) for key, each in value.items()}
    return found | {"slots": "categories"} if found.get("slots") == "kinds" else found


@checked("Training")
class MemorySettings:
    """How a memory of items is filled. `validation`: share of the train split that is held out to choose on, per label
    (groups whole). `everything`: whether what was held out is remembered too, after the choice."""

    validation: Share = 0.2
    everything: bool = True


def settings_of_run(run: Path) -> tuple[dict[str, Any], MemorySettings, dict[str, str]]:
    """How a run's memory was filled, to fill others alike: the fields of `MemoryConfig` that were given and not chosen,
    the settings, and modality -> encoder name.

    Raises:
        InputError: there is no run, or that of another model than a memory of items, or its settings are not those of
            this version.
    """
    facts = read_run(run)
    config = facts["config"]
    if not isinstance(config, MemoryConfig):
        raise InputError(
            f"Only a memory of items learns new categories; {run} is of another kind ({facts['kind']}). Train one with "
            "fmn-train, without --as-printed."
        )
    try:
        settings = MemorySettings(**{key: value for key, value in facts["settings"].items() if key != "given"})
        given = dict(facts["settings"]["given"])
    except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise InputError(f"{run} does not say how it was fitted ({error}). Train it again with this version.") from None
    return given, settings, {modality: facts["features"][modality]["encoder"] for modality in ("video", "audio")}
