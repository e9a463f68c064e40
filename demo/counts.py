"""How many items a drawn set has, and how many of them are for training."""

from collections.abc import Mapping

from fmn.errors import InputError


def check_numbers(each: str, counts: Mapping[str, int], seed: int, train: float, workers: int) -> None:
    """Raise InputError unless the set has the numbers it can be made with.

    each: the word for what the counts are of, "category"; counts: items of each by modality, 2 to 1000; seed: 0 or
    more; train: between 0 and 1, both parts get an item; workers: 1 or more.
    """
    if seed < 0:
        raise InputError(f"The seed must be 0 or more, but it is {seed}; give a whole number from 0.")
    if workers < 1:
        raise InputError(f"At least one worker draws the set, but workers is {workers}; give 1 or more.")
    for name, count in counts.items():
        if not 2 <= count <= 1000:
            raise InputError(
                f"The number of {name} a {each} lies between 2 and 1000, but it is {count}; choose one of those."
            )
        if not 0 < train < 1 or not 1 <= train_count(count, train) < count:
            raise InputError(
                f"A train share of {train} of {count} {name} leaves one part empty; "
                "give a share nearer to 0.5 or more items."
            )


def train_count(count: int, train: float) -> int:
    """How many of `count` items are in the train part."""
    return round(count * train)
