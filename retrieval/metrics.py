"""Retrieval metrics of one direction, with ties, failed items, ceilings, chance and intervals made explicit.

Names follow the field: *hit rate* at k (at least one relevant item in the top k; video-text papers print it as R@k)
and *recall* at k (relevant items in the top k / all relevant items; eq. 5 of the paper).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 1 << 21  # scores ranked at once; a chunk's working arrays take about 100 bytes a score
LEVEL = 0.95


def evaluate(
    scores: ArrayLike,
    relevance: ArrayLike,
    ks: Sequence[int],
    *,
    failed_queries: int = 0,
    failed_relevant: ArrayLike | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Rank the gallery for every query and say how well.

    **Ties never help.** Every number is the expected value over all orders of the items that share a score (closed
    form, no sampling), so constant scores give exactly chance. -inf ranks last and +inf first, tied with their like;
    NaN is an error.

    **Failed items are misses.** A query counts when it has a relevant item by construction, ranked or failed; without
    one it is left out of every number and named in `without_relevant`. Failed relevant items stay in the denominators
    of recall and AP and are never found; a failed query, or one whose relevant items all failed, has hit rate, recall
    and AP 0 and rank G + 1. Ceiling and chance are those of a perfect and of a random order under the same rule.

    A k above G returns the whole gallery; it is reported as it stands, next to its ceiling.

    Args:
        scores: [Q, G] numbers, higher = better match.
        relevance: bool [Q, G].
        ks: depths of the ranking, whole numbers from 1.
        failed_queries: how many further queries could not be asked.
        failed_relevant: [Q] whole numbers, how many relevant gallery items of each query failed; None: none.
        samples: bootstrap samples over the counted queries for the 95 % intervals (percentile method).
        seed: of the bootstrap.

    Returns:
        A dict that JSON takes as it is. Rates are in [0, 1]; keys of the inner dicts are the ks as text:
        `queries` Q, `gallery` G, `failed_queries`, `counted` (queries in the averages), `without_relevant` (indices),
        `unreachable` (indices of queries whose relevant items all failed), `failed_relevant` (their sum), `ks`;
        `hit_rate` and `recall`, each also with `_ceiling`, `_chance` ({k: value}) and `_interval` ({k: [low, high]});
        `mAP`, `mAP_ceiling`, `mAP_chance`, `mAP_interval`; `MedR` and `MeanR`, median and mean over the queries of the
        (expected) rank of the first relevant item, from 1, and `MeanR_chance`; `bootstrap` (samples, seed, level).

    Raises:
        ValueError: NaN, shapes that disagree, an empty gallery, a k that is not a whole number from 1, or no query
            with a relevant item.
    """
    scores, relevance = np.asarray(scores), np.asarray(relevance)
    depths = _depths(ks)
    failed = _validated(scores, relevance, failed_queries, failed_relevant)
    gallery = scores.shape[1]
    found = np.count_nonzero(relevance, axis=1).astype(np.int64)
    total = found + failed
    asked = total > 0
    unreachable = np.flatnonzero(asked & (found == 0)).tolist()
    counted = int(asked.sum()) + failed_queries
    if not counted:
        raise ValueError(f"A metric needs a query with a relevant item, but none of the {len(scores)} queries has one.")

    rows = max(1, CHUNK // gallery)
    chunks = (slice(i, i + rows) for i in range(0, max(1, len(scores)), rows))
    parts = [_ranked(scores[part], relevance[part], total[part], depths) for part in chunks]
    # A failed query counts like one whose only relevant item is not there.
    values, ranks = (np.concatenate([part[n] for part in parts])[asked] for n in range(2))
    values = np.concatenate([values, np.zeros((failed_queries, values.shape[1]))])
    ranks = np.concatenate([ranks, np.full(failed_queries, gallery + 1.0)])
    found = np.concatenate([found[asked], np.zeros(failed_queries, dtype=np.int64)])
    total = np.concatenate([total[asked], np.ones(failed_queries, dtype=np.int64)])

    average, (low, high) = values.mean(axis=0), _intervals(values, samples, seed)
    best = _perfect(found, total, depths).mean(axis=0)
    chance, chance_ranks = _chance(gallery, found, total, depths)
    expected = chance.mean(axis=0)
    names, n = [str(k) for k in depths], len(depths)

    def named(numbers: Floats) -> dict[str, float]:
        return dict(zip(names, numbers.tolist(), strict=True))

    def pairs(part: slice) -> dict[str, list[float]]:
        return dict(zip(names, np.stack([low, high], axis=1)[part].tolist(), strict=True))

    return {
        "queries": len(scores),
        "gallery": gallery,
        "failed_queries": failed_queries,
        "counted": counted,
        "without_relevant": np.flatnonzero(~asked).tolist(),
        "unreachable": unreachable,
        "failed_relevant": int(failed.sum()),
        "ks": depths,
        "hit_rate": named(average[:n]),
        "hit_rate_ceiling": named(best[:n]),
        "hit_rate_chance": named(expected[:n]),
        "hit_rate_interval": pairs(slice(0, n)),
        "recall": named(average[n : 2 * n]),
        "recall_ceiling": named(best[n : 2 * n]),
        "recall_chance": named(expected[n : 2 * n]),
        "recall_interval": pairs(slice(n, 2 * n)),
        "mAP": float(average[-1]),
        "mAP_ceiling": float(best[-1]),
        "mAP_chance": float(expected[-1]),
        "mAP_interval": [float(low[-1]), float(high[-1])],
        "MedR": float(np.median(ranks)),
        "MeanR": float(ranks.mean()),
        "MeanR_chance": float(chance_ranks.mean()),
        "bootstrap": {"samples": samples, "seed": seed, "level": LEVEL},
    }


def _depths(ks: Sequence[int]) -> list[int]:
    for k in ks:
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k is a whole number from 1, but {k!r} was given.")
    if not len(ks):
        raise ValueError("At least one k is needed, but none was given.")
    return list(dict.fromkeys(int(k) for k in ks))


def _validated(scores: Array, relevance: Array, failed_queries: int, failed_relevant: ArrayLike | None) -> Ints:
    """Check what was given; returns failed_relevant as an array [Q]."""
    if scores.ndim != 2 or relevance.shape != scores.shape:
        raise ValueError(f"scores and relevance must be [Q, G] alike, but are {scores.shape} and {relevance.shape}.")
    if relevance.dtype != bool:
        raise ValueError(f"relevance must be bool, but it is {relevance.dtype}.")
    if not scores.shape[1]:
        raise ValueError("The gallery must hold an item to be ranked, but it is empty.")
    if scores.dtype.kind not in "fiub":
        raise ValueError(f"scores must be real numbers, but their type is {scores.dtype}.")
    for row, line in enumerate(scores):
        if np.isnan(line).any():
            raise ValueError(f"A score must be a number, but query {row} has NaN for item {np.isnan(line).argmax()}.")
    if failed_queries < 0:
        raise ValueError(f"failed_queries must be 0 or more, but it is {failed_queries}.")
    if failed_relevant is None:
        return np.zeros(len(scores), dtype=np.int64)
    failed = np.asarray(failed_relevant)
    if failed.shape != (len(scores),) or failed.dtype.kind not in "iu" or (failed < 0).any():
        raise ValueError(
            f"failed_relevant must be {len(scores)} whole numbers from 0, one a query, but it is {failed!r:.200}."
        )
    return failed.astype(np.int64)


def _ranked(scores: Array, relevance: Array, total: Ints, depths: list[int]) -> tuple[Floats, Floats]:
    """Hit rate and recall at each k and AP, [q, 2 ks + 1], and rank of the first relevant item, [q].

    All are expected over the orders of tied items. A block of n tied items, r of them relevant, stands after N items,
    H of them relevant. Over its random orders:
    - its first m places hold m r / n relevant items, and none with probability C(n-r, m) / C(n, m);
    - its first relevant item has in-block rank (n + 1) / (r + 1);
    - place j holds a relevant item with probability r / n, and then the j - 1 places before it hold
      (j - 1) (r - 1) / (n - 1) more, so AP gains r / n * (H + 1 + (j - 1) (r - 1) / (n - 1)) / (N + j).
    """
    rows, gallery = scores.shape
    keys = scores if scores.dtype.kind == "f" else scores.astype(np.float64)
    order = np.argsort(-keys, axis=1)
    ordered = np.take_along_axis(keys, order, axis=1)
    cumulated = np.zeros((rows, gallery + 1), dtype=np.int64)
    np.cumsum(np.take_along_axis(relevance, order, axis=1), axis=1, out=cumulated[:, 1:])
    place = np.arange(gallery)
    border = ordered[:, 1:] != ordered[:, :-1]  # between places p and p + 1
    start, end = np.zeros((rows, gallery), dtype=np.int64), np.full((rows, gallery), gallery)
    start[:, 1:] = np.where(border, place[1:], 0)
    end[:, :-1] = np.where(border, place[1:], gallery)
    start = np.maximum.accumulate(start, axis=1)
    end = np.minimum.accumulate(end[:, ::-1], axis=1)[:, ::-1]
    before = np.take_along_axis(cumulated, start, axis=1)
    inside = np.take_along_axis(cumulated, end, axis=1) - before
    size = end - start

    further = (place - start) * ((inside - 1) / np.maximum(size - 1, 1))
    gains = inside / size * (before + 1 + further) / (place + 1)
    divisor = np.maximum(total, 1)
    precision = gains.sum(axis=1) / divisor

    some = np.flatnonzero(cumulated[:, -1])
    first = np.argmax(before + inside > 0, axis=1)[some]  # first place of the first block with a relevant item
    rank = np.full(rows, gallery + 1.0)
    rank[some] = start[some, first] + (size[some, first] + 1) / (inside[some, first] + 1)

    hits, recall = [], []
    for k in depths:
        last = min(k, gallery) - 1
        n, r, above, m = size[:, last], inside[:, last], before[:, last], last + 1 - start[:, last]
        hits.append(np.where(above > 0, 1.0, _some(n, r, m)))
        recall.append((above + m * r / n) / divisor)
    return np.stack([*hits, *recall, precision], axis=1), rank


def _some(n: Ints, r: Ints, m: Ints) -> Floats:
    """Probability that m of n items, drawn at random, hold at least one of the r relevant ones (hypergeometric)."""
    few, many = np.minimum(r, m), np.maximum(r, m)  # C(n-r, m) / C(n, m) is the same with r and m exchanged
    none = np.ones(len(n))
    for i in range(int(few.max(initial=0))):
        none = np.where(i < few, none * np.maximum(n - many - i, 0) / np.maximum(n - i, 1), none)
    return 1 - none


def _perfect(found: Ints, total: Ints, depths: list[int]) -> Floats:
    """Hit rate and recall at each k and AP with every relevant item that is there on top: [q, 2 ks + 1]."""
    recall = [np.minimum(found, k) / total for k in depths]
    return np.stack([*[found > 0] * len(depths), *recall, found / total], axis=1)


def _chance(gallery: int, found: Ints, total: Ints, depths: list[int]) -> tuple[Floats, Floats]:
    """The same of a random order, [q, 2 ks + 1], and its rank of the first relevant item, [q]."""
    n = np.full(len(found), gallery)
    tops = [np.minimum(n, k) for k in depths]
    hits = [_some(n, found, m) for m in tops]
    recall = [m * found / n / total for m in tops]
    harmonic = float((1 / np.arange(1, gallery + 1)).sum())
    slope = (found - 1) / max(gallery - 1, 1)
    precision = found / gallery * (harmonic + slope * (gallery - harmonic)) / total
    rank = np.where(found > 0, (gallery + 1) / (found + 1), gallery + 1.0)
    return np.stack([*hits, *recall, precision], axis=1), rank


def _intervals(values: Floats, samples: int, seed: int) -> tuple[Floats, Floats]:
    """Percentile bootstrap of the column means of values [n, c]: low [c] and high [c]."""
    if samples < 1:
        raise ValueError(f"The bootstrap needs at least 1 sample, but {samples} were asked for.")
    generator, count = np.random.default_rng(seed), len(values)
    means = np.stack(
        [np.bincount(generator.integers(count, size=count), minlength=count) @ values / count for _ in range(samples)]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
