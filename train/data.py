"""The train split of a cache, on the training device: loaded, walked through in matched pairs, and its held-out part
measured, which every choice of a training rests on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmn.cache import FeatureCache
from fmn.cache.parts import validation_part
from fmn.errors import InputError
from fmn.retrieval.metrics import evaluate
from fmn.retrieval.protocol import DIRECTIONS
from fmn.retrieval.remembering import MemoryNetwork
from fmn.retrieval.retriever import Model

SIDES = ("video", "audio")
UNKNOWN = ""  # key of an item without pair and label


@dataclass(frozen=True)
class Side:
    """One modality: `features` [n, D] float32, `codes` [n] int64 (equal codes belong together), `ids` [n]."""

    features: Tensor
    codes: Tensor
    ids: list[str]


@dataclass(frozen=True)
class TrainingSet:
    """What is fitted on and what is held out for early stopping; `held_*` is empty where too little is there.

    An archive of one clip a category has none to hold out, and its recordings are asked for a clip that is known. So
    where a category is held out in one modality alone, `held_*` of the other has its items that are fitted on.
    `names`: of the codes, which count from 0: "label pour", or "pair 12". `unknown`: modality -> how many items of the
    train split have neither pair nor label, and are left out."""

    fit_video: Side
    fit_audio: Side
    held_video: Side
    held_audio: Side
    names: list[str] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)

    def sides(self) -> tuple[Side, Side, Side, Side]:
        """All four: video and audio to fit on, then those held out."""
        return self.fit_video, self.fit_audio, self.held_video, self.held_audio

    @property
    def has_validation(self) -> bool:
        """Whether both held-out sides hold a matching pair."""
        return bool(set(self.held_video.codes.tolist()) & set(self.held_audio.codes.tolist()))


@dataclass(frozen=True)
class _Column:
    """One modality of the train split (and of a manifest's own "val"), before it is parted."""

    ids: list[str]
    features: NDArray[np.float32]
    labels: list[str]
    keys: list[str]
    held: NDArray[np.bool_]


def load_training_set(
    cache: FeatureCache,
    encoders: dict[str, str],
    fraction: float,
    device: torch.device,
    without: frozenset[str] = frozenset(),
    draw: int = 0,
) -> TrainingSet:
    """Read the train split of both modalities onto `device`.

    Args:
        cache: the feature cache.
        encoders: modality -> encoder name.
        fraction: share of the train split held out; items that the manifest marked "val" are held out instead, if any.
            The choice follows the seed of the cache, not of the training: those are the items that an audio encoder
            fitted here has not seen either, and only they show how the retriever does on new ones.
        device: where the vectors are held.
        without: labels whose items are left out, of the fitted and of the held-out part alike. Which of the other
            items are held out does not depend on it.
        draw: above 0, another part is held out (`fmn.train.choosing`).

    Raises:
        InputError: a split or modality without items, a label of `without` that the train split does not have, or no
            video of the train split with an utterance that matches.
    """
    seed = cache.protocol.get("seed", 0)
    if not isinstance(seed, int):
        raise InputError(
            f"The protocol of {cache.path} has a seed that is no whole number ({seed!r}). Extract it again."
        )
    lot = seed + draw * 1_000_003
    columns = {modality: _column(cache, modality, encoders[modality], fraction, lot) for modality in encoders}
    if missing := without - {label for column in columns.values() for label in column.labels}:
        raise InputError(
            f"Only labels of the train split can be left out of it; {cache.path} has no {', '.join(sorted(missing))} "
            "there. `fmn-cache inspect` lists its labels."
        )
    columns = {modality: _less(column, without) for modality, column in columns.items()}
    unknown = {modality: column.keys.count(UNKNOWN) for modality, column in columns.items()}
    coding: dict[str, int] = {}
    for column in columns.values():
        for key in column.keys:
            if key != UNKNOWN:  # what nothing is known of belongs to nothing
                coding.setdefault(key, len(coding))

    def side(modality: str, held: bool) -> Side:
        column = columns[modality]
        rows = np.flatnonzero((column.held == held) & (np.array(column.keys) != UNKNOWN))
        return Side(
            features=torch.from_numpy(column.features[rows]).to(device),
            codes=torch.tensor([coding[column.keys[row]] for row in rows], dtype=torch.int64),
            ids=[column.ids[row] for row in rows],
        )

    fitted, held = [side(modality, False) for modality in SIDES], [side(modality, True) for modality in SIDES]
    video, audio = (_with_known(held[n], fitted[n], held[1 - n]) for n in (0, 1))
    found = TrainingSet(fitted[0], fitted[1], video, audio, list(coding), unknown)
    if not set(found.fit_video.codes.tolist()) & set(found.fit_audio.codes.tolist()):
        raise InputError(
            f"Training needs videos and utterances that belong together (same label, or same pair) in the train split; "
            f"{cache.path} has {len(found.fit_video.ids)} videos and {len(found.fit_audio.ids)} utterances to fit on "
            "and no match among them. Look at it with `fmn-cache inspect`."
        )
    return found


def matching_batches(
    video_codes: Tensor, audio_codes: Tensor, batch: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of matched pairs.

    Args:
        video_codes: [N] int64, what each video shows (its label, or its pair).
        audio_codes: [M] int64 of the same coding.
        batch: pairs a step; the last step of an epoch may be smaller.
        generator: CPU generator, the only source of chance here.

    Yields:
        (video indices [B], audio indices [B]): pair i of a batch matches. The other B * B - B pairs of the batch
        are to be used as well (they match where their codes are equal). The longer side is walked through once;
        items of the shorter side come back by lot, items without any match never come.
    """
    partners: dict[int, list[int]] = {}
    swap = len(audio_codes) > len(video_codes)
    walked, drawn = (audio_codes, video_codes) if swap else (video_codes, audio_codes)
    for index, code in enumerate(drawn.tolist()):
        partners.setdefault(code, []).append(index)
    codes = walked.tolist()
    order = [i for i in torch.randperm(len(codes), generator=generator).tolist() if codes[i] in partners]
    lots = torch.rand(len(order), generator=generator).tolist()
    chosen = [partners[codes[i]][int(lot * len(partners[codes[i]]))] for i, lot in zip(order, lots, strict=True)]
    for start in range(0, len(order), batch):
        first = torch.tensor(order[start : start + batch])
        second = torch.tensor(chosen[start : start + batch])
        yield (second, first) if swap else (first, second)


@torch.no_grad()
def validation_metrics(
    network: Model, data: TrainingSet, ks: Sequence[int], indexed: bool = False
) -> dict[str, dict[str, Any]]:
    """Direction -> the dict of `metrics.evaluate` on the validation part, without intervals. Leaves eval() mode.

    indexed: a memory of items absorbs the gallery of each direction first.
    """
    network.eval()
    video, audio = data.held_video.features, data.held_audio.features
    match = (data.held_video.codes[:, None] == data.held_audio.codes[None, :]).numpy()
    alone = None if indexed and isinstance(network, MemoryNetwork) else network.score(video, audio).cpu().numpy()
    found = {}
    for name, (query, gallery) in DIRECTIONS.items():
        table = alone
        if table is None:
            assert isinstance(network, MemoryNetwork)
            table = network.score(video, audio, (gallery,)).cpu().numpy()
        asked = (table.T, match.T) if query == "audio" else (table, match)
        found[name] = evaluate(*asked, ks, samples=1)
    return found


def validation_map(network: Model, data: TrainingSet) -> float:
    """Mean average precision on the validation part, mean of both directions, in [0, 1]."""
    both = [result["mAP"] for result in validation_metrics(network, data, [1]).values()]
    return float(sum(both)) / len(both)


def _column(cache: FeatureCache, modality: str, encoder: str, fraction: float, seed: int) -> _Column:
    splits = np.array(cache.splits(modality, encoder))
    rows = np.flatnonzero((splits == "train") | (splits == "val"))
    if not len(rows):
        raise InputError(
            f"Training needs {modality} items in the train split; {cache.path} has {len(splits)} {modality} items and "
            "none of them there. Extract more items, or mark some as train in the manifest."
        )
    ids, labels = _take(cache.ids(modality, encoder), rows), _take(cache.labels(modality, encoder), rows)
    pairs, groups = _take(cache.pairs(modality, encoder), rows), _take(cache.groups(modality, encoder), rows)
    marked = splits[rows] == "val"
    if marked.any():
        held = marked
    elif fraction > 0:
        chosen = validation_part(ids, labels, groups, pairs, fraction=fraction, seed=seed)
        held = np.array([item in chosen for item in ids])
    else:
        held = np.zeros(len(ids), dtype=bool)
    known = zip(pairs, labels, strict=True)
    keys = [f"pair {pair}" if pair else f"label {label}" if label else UNKNOWN for pair, label in known]
    return _Column(ids, cache.features(modality, encoder)[rows], labels, keys, held)


def _with_known(held: Side, fitted: Side, other: Side) -> Side:
    """`held`, and of the categories that only `other` holds out what is fitted on."""
    lacking = set(other.codes.tolist()) - set(held.codes.tolist())
    rows = [row for row, code in enumerate(fitted.codes.tolist()) if code in lacking]
    return Side(
        torch.cat([held.features, fitted.features[rows]]),
        torch.cat([held.codes, fitted.codes[rows]]),
        [*held.ids, *(fitted.ids[row] for row in rows)],
    )


def _less(column: _Column, without: frozenset[str]) -> _Column:
    rows = np.array([row for row, label in enumerate(column.labels) if label not in without], dtype=np.intp)
    if len(rows) == len(column.labels):
        return column
    taken = (_take(column.ids, rows), column.features[rows], _take(column.labels, rows), _take(column.keys, rows))
    return _Column(*taken, column.held[rows])


def _take(column: list[str], rows: NDArray[np.intp]) -> list[str]:
    return [column[row] for row in rows]
