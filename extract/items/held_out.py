"""The part of a train split that an encoder is not fitted on, but chosen on."""

from collections.abc import Sequence

from fmn.cache.parts import validation_part
from fmn.item import Item


def held_out(items: Sequence[Item], seed: int) -> set[str]:
    """Ids of the validation part: the items of split "val" where there are any, else what `validation_part` chooses."""
    return {item.id for item in items if item.split == "val"} or validation_part(
        [item.id for item in items],
        [item.label for item in items],
        [item.group for item in items],
        [item.pair for item in items],
        seed=seed,
    )
