"""Which gallery items are right answers to which queries."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fmn.errors import InputError


def relevance(
    query_pairs: Sequence[str],
    query_labels: Sequence[str],
    gallery_pairs: Sequence[str],
    gallery_labels: Sequence[str],
) -> NDArray[np.bool_]:
    """Relevance [Q, G]: same pair where the set has pairs (one-to-one sets such as YouCook2), else same label.

    The four sequences give each query's [Q] and each gallery item's [G] pair and label, "" where it has none.
    Raises InputError when only some of the items have a pair, or when there are no pairs and an item has no label.
    """
    if definition([*query_pairs, *gallery_pairs], [*query_labels, *gallery_labels]) == "pair":
        query, gallery = query_pairs, gallery_pairs
    else:
        query, gallery = query_labels, gallery_labels
    codes = {name: code for code, name in enumerate(dict.fromkeys([*query, *gallery]))}
    q, g = (np.array([codes[name] for name in names], dtype=np.int64) for names in (query, gallery))
    return np.equal.outer(q, g)


def definition(pairs: Sequence[str], labels: Sequence[str]) -> str:
    """What makes two items of a set match: "pair" or "label". Raises InputError where it is neither for all of them."""
    if len(pairs) != len(labels):
        raise ValueError(f"Each item has a pair and a label, but {len(pairs)} and {len(labels)} were given.")
    paired = sum(map(bool, pairs))
    if paired == len(pairs) and pairs:
        return "pair"
    if paired:
        raise InputError(
            f"Either all items of a set have a pair or none has, but {paired} of {len(pairs)} have one. "
            "Give the others a pair in the manifest, or leave the column empty to match by label."
        )
    unlabelled = sum(not label for label in labels)
    if unlabelled:
        raise InputError(
            f"Items match by pair or by label, but there are no pairs and {unlabelled} of {len(labels)} items have no "
            "label. Sort the files into one folder a label, give both files of a pair one name, or write a manifest."
        )
    return "label"
