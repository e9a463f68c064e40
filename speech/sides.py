"""The side of the split that a clip and its utterances stand on, where the manifest does not say it."""

from collections.abc import Sequence

from fmn.errors import InputError
from fmn.ties import tied

from .clips import Clip
from .draws import share

# The least name stands for all that is tied together: a group's before its clips', which may become more.
_TIES = (("group", "1 group"), ("pair", "2 pair"))


def sides(clips: Sequence[Clip], train: float, seed: int) -> list[str]:
    """The split of each clip [n]: its own, that of a clip of the same pair or group, or one drawn by its name.

    Each pair or group (or lone clip) is in "train" with probability `train`, whatever other clips there are: more clips
    later leave every side as it is, and in return the share is met only roughly.

    InputError: clips of one pair or group have different splits, or a side would be empty.
    """
    least = tied(
        [_lone(clip), *(f"{name}:{clip.get(column)}" for column, name in _TIES if clip.get(column))] for clip in clips
    )
    given: dict[str, Clip] = {}
    for clip in clips:
        if clip.get("split"):
            first = given.setdefault(least[_lone(clip)], clip)
            if first.get("split") != clip.get("split"):
                raise InputError(
                    f"Pairs and groups stay on one side of the split, but {first.id!r} is in {first.get('split')} and "
                    f"{clip.id!r} in {clip.get('split')}, tied by pair or group. Correct the manifest."
                )
    found = []
    for clip in clips:
        name = least[_lone(clip)]
        drawn = "train" if share("side", seed, name) < train else "test"
        found.append(given[name].get("split") if name in given else drawn)
    if not given and len(set(found)) == 1 and len(clips) > 1:
        raise InputError(
            f"All {len(clips)} clips would be in {found[0]}: there are too few of them, or pairs and groups tie them "
            f"together. Give a column split, or another --train or --seed than {train} and {seed}."
        )
    return found


def _lone(clip: Clip) -> str:
    return f"3 clip:{clip.id}"
