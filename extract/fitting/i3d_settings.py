"""How a video stream is fitted."""

from dataclasses import asdict
from typing import Annotated, Any

from fmn.checked import checked, rule

from ..networks.i3d import MIXED

STAGES = ("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3", *MIXED)
OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "bf16", "fp32")


Count = Annotated[int, rule(lambda v: v >= 1, "Fitting needs {name} of 1 or more; got {name} {value}.")]
Positive = Annotated[float, rule(lambda v: v > 0, "Fitting needs {name} above 0; got {name} {value}.")]
Share = Annotated[float, rule(lambda v: 0 <= v < 1, "Fitting needs {name} in [0, 1); got {name} {value}.")]


def _one_of(names: tuple[str, ...], what: str) -> Any:
    return rule(lambda v: v in names, f"{what} one of {', '.join(filter(None, names))}; got {{value!r}}.")


@checked("Fitting")
class FinetuneSettings:
    """How one I3D stream is fitted.

    epochs: passes over the clips, a random window of each. batch: clips a step; accumulate: steps whose gradients are
    summed into one update. learning_rate: the highest, reached after a tenth of the updates and falling to zero along a
    half cosine. head_factor: times the learning rate, for the classifier. frozen_until: stages before this one stay as
    they are, their batch norms too ("" = none). patience: epochs without a better validation part. minutes: a stream's
    bound; fewer epochs are planned where they would take longer. mirror: a clip's mirror image shows the same (not so
    for writing). precision: of the forward and backward pass; "auto" is bf16 where the device computes in it.
    """

    epochs: Count = 30
    batch: Count = 8
    accumulate: Count = 1
    learning_rate: Positive = 1e-4
    head_factor: Positive = 1.0
    optimiser: Annotated[str, _one_of(OPTIMISERS, "The optimiser is")] = "adamw"
    weight_decay: Annotated[float, rule(lambda v: v >= 0, "Fitting needs {name} of at least 0; got {value}.")] = 1e-2
    smoothing: Share = 0.1
    dropout: Share = 0.5
    frozen_until: Annotated[str, _one_of(("", *STAGES), "I3D is frozen until")] = ""
    patience: Count = 8
    minutes: Positive = 100_000.0
    mirror: bool = True
    precision: Annotated[str, _one_of(PRECISIONS, "The precision is")] = "auto"
    seed: int = 0

    def as_stored(self) -> dict[str, Any]:
        """As the headers of weights files and `finetune.json` spell it since their schema 1."""
        stored = asdict(self)
        return stored | {"rate": stored.pop("learning_rate"), "head_rate": stored.pop("head_factor")}
