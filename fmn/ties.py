"""What belongs together, directly or through others."""

from collections.abc import Iterable, Sequence


def tied(ties: Iterable[Sequence[str]]) -> dict[str, str]:
    """Each name -> the least of all names that it is tied to, which stands for them, whatever the order.

    ties: names that belong together, each at least one.
    """
    from scipy.cluster.hierarchy import DisjointSet  # only now: it takes half a second, and every command is here

    sets = DisjointSet()
    for first, *others in ties:
        sets.add(first)
        for other in others:
            sets.add(other)
            sets.merge(first, other)
    return {name: least for subset in sets.subsets() for least in [min(subset)] for name in subset}
