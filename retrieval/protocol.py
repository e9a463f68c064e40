"""How a retriever is judged on a cache: the test split, both directions, nothing left out in silence."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fmn.cache import EncoderRecord, Failure, FeatureCache
from fmn.errors import InputError
from fmn.item import Item

from .metrics import evaluate

DIRECTIONS = {"speech->video": ("audio", "video"), "video->speech": ("video", "audio")}  # query and gallery modality


class Scorer(Protocol):
    """Anything that scores pairs: the FMN and every baseline."""

    def score(self, video: NDArray[np.float32], audio: NDArray[np.float32]) -> "NDArray[np.floating] | torch.Tensor":
        """Score every pair: video [N, Dv], audio [M, Da] -> [N, M], higher = better match."""
        ...


@dataclass(frozen=True)
class Report:
    """What a retriever reaches on one cache.

    `directions` maps "speech->video" (the query is speech) and "video->speech" to the dicts of `metrics.evaluate`.
    `items` counts the scored items a modality, `failed` names the items of the split that could not be extracted,
    `left_out` the queries a direction without any relevant item. `relevant` says what makes a match: "pair" or
    "label". `rankings` gives the first max(ks) gallery ids of every query of a direction (equal scores in the order
    of ids, as in search; the metrics take their expectation over all orders). `facts` is how the numbers came about,
    JSON values: cache, encoders, protocol, the run's own facts.
    """

    directions: Mapping[str, Mapping[str, Any]]
    split: str
    relevant: str
    items: Mapping[str, int]
    rankings: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    failed: Sequence[Failure] = ()
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def evaluate_cache(
    cache: FeatureCache,
    scorer: Scorer,
    ks: Sequence[int] = (1, 10, 25),
    split: str = "test",
    *,
    video_encoder: str | None = None,
    audio_encoder: str | None = None,
    facts: Mapping[str, Any] | None = None,
    samples: int = 1000,
    seed: int = 0,
    asked: Collection[str] | None = None,
) -> Report:
    """Score all video and speech items of a split against each other and evaluate both directions.

    An item of the split that failed extraction counts as a miss: as a query it finds nothing, as a relevant item it is
    never found. It is named in the report.

    Args:
        cache: the features; encoders by name where a modality has several.
        scorer: has `score(video [N, Dv], audio [M, Da]) -> [N, M]`, given float32 arrays.
        ks: depths of the ranking.
        facts: what the report repeats about the retriever (JSON values), under "run".
        samples, seed: of the bootstrap intervals.
        asked: labels whose items are queries; None: all. The gallery is the whole split either way.

    Raises:
        InputError: no item of a modality in the split, no query of the labels asked, items without pair and label, or
            scores that are NaN or of another shape.
        ValueError: ks that are not whole numbers from 1.
    """
    encoders = {"video": cache.encoder("video", video_encoder), "audio": cache.encoder("audio", audio_encoder)}
    items: dict[str, list[Item]] = {}
    failed: dict[str, list[Failure]] = {}
    features: dict[str, NDArray[np.float32]] = {}
    for modality, encoder in encoders.items():
        items[modality] = cache.items(modality, encoder.name, split=split)
        if not items[modality]:
            raise InputError(
                f"An evaluation needs {modality} items in the {split} split, but {cache.path} has none there among its "
                f"{len(cache.ids(modality, encoder.name))}. Extract some, or name another split."
            )
        features[modality] = cache.features(modality, encoder.name, split=split)
        failed[modality] = [each for each in misses(cache, encoder) if each.split == split]

    rows: dict[str, list[Item | Failure]] = {modality: [*items[modality], *failed[modality]] for modality in encoders}
    pairs, labels = ({m: [getattr(row, name) for row in rows[m]] for m in rows} for name in ("pair", "label"))
    relevant = definition(pairs["video"] + pairs["audio"], labels["video"] + labels["audio"])
    matches = relevance(pairs["video"], labels["video"], pairs["audio"], labels["audio"])  # failed items come last
    if not matches.any():
        raise InputError(
            f"An evaluation needs queries with a right answer, but no video item of the {split} split of {cache.path} "
            f"shares its {relevant} with a speech item. Check that column of the manifest."
        )
    scores = _scores(scorer, features["video"], features["audio"], items)
    directions, left_out, rankings = {}, {}, {}
    for direction, (query, gallery) in DIRECTIONS.items():
        q, g = len(items[query]), len(items[gallery])
        table, ranked = (matches, scores) if query == "video" else (matches.T, scores.T)
        wanted = np.array([asked is None or label in asked for label in labels[query]], dtype=bool)
        if not (table.any(axis=1) & wanted).any():
            raise InputError(f"No {query} item of the {split} split of {cache.path} has a label that was asked for.")
        queries = np.flatnonzero(wanted[:q])
        directions[direction] = evaluate(
            ranked[queries],
            table[queries, :g],
            ks,
            failed_queries=int((table[q:].any(axis=1) & wanted[q:]).sum()),
            failed_relevant=table[queries, g:].sum(axis=1),
            samples=samples,
            seed=seed,
        )
        rankings[direction] = {
            items[query][row].id: [items[gallery][at].id for at in np.argsort(-ranked[row], kind="stable")[: max(ks)]]
            for row in queries
        }
        left_out[direction] = [rows[query][n].id for n in np.flatnonzero(~table.any(axis=1) & wanted)]
    return Report(
        directions=directions,
        split=split,
        relevant=relevant,
        rankings=rankings,
        items={modality: len(found) for modality, found in items.items()},
        failed=[*failed["video"], *failed["audio"]],
        left_out=left_out,
        warnings=list(dict.fromkeys(encoder.warning for encoder in encoders.values() if encoder.warning)),
        facts={
            "cache": str(cache.path),
            "protocol": cache.protocol,
            "encoders": {
                modality: {"name": encoder.name, "dim": encoder.dim, "fingerprint": encoder.fingerprint}
                for modality, encoder in encoders.items()
            },
            "run": dict(facts or {}),
        },
    )


def misses(cache: FeatureCache, encoder: EncoderRecord) -> list[Failure]:
    """The items of all splits that an encoder has no features of, sorted by id: failed, or known by another encoder."""
    known = {item.id for item in cache.items(encoder.modality, encoder.name)}
    found = [failure for failure in cache.failures(encoder.modality) if failure.id not in known]
    found += _lacking(cache, encoder, known | {failure.id for failure in found})
    return sorted(found, key=lambda each: each.id)


def _lacking(cache: FeatureCache, encoder: EncoderRecord, known: set[str]) -> list[Failure]:
    """Items that another encoder of the modality has and this one has not: misses too, named once."""
    found: dict[str, Failure] = {}
    for other in cache.encoders():
        if other.modality == encoder.modality and other.name != encoder.name:
            for item in cache.items(other.modality, other.name):
                if item.id not in known:
                    reason = f"has features of encoder {other.name} and none of {encoder.name}"
                    found.setdefault(item.id, Failure.of(item, reason))
    return list(found.values())


def _scores(
    scorer: Scorer, video: NDArray[np.float32], audio: NDArray[np.float32], items: Mapping[str, Sequence[Item]]
) -> NDArray[np.floating]:
    scores = scorer.score(video, audio)
    scores = scores.detach().cpu().numpy() if isinstance(scores, torch.Tensor) else np.asarray(scores)
    if scores.shape != (len(video), len(audio)):
        raise InputError(
            f"A retriever scores every pair, [{len(video)}, {len(audio)}], but it gave {list(scores.shape)}."
        )
    if np.isnan(scores).any():
        row, column = np.argwhere(np.isnan(scores))[0]
        raise InputError(
            f"A score must be a number, but the retriever gave NaN for {np.isnan(scores).sum()} pairs, the first being "
            f"video {items['video'][row].id} with speech {items['audio'][column].id}. Was its training unstable?"
        )
    return scores


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
