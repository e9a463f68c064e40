"""Learning new categories without training: matched pairs are remembered, each category under a slot of its own."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmn.errors import InputError

from .remembering import MODALITIES, MemoryNetwork
from .retriever import Retriever, features_in

LABEL = "label "  # how the name of a category begins that is a label


@dataclass(frozen=True)
class Enrolment:
    """What was done for one label: `pairs` remembered now; whether its slot is `new`."""

    label: str
    pairs: int
    new: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def memory_of(retriever: Retriever) -> MemoryNetwork:
    """The memory of items inside a retriever; InputError for one without."""
    network = retriever.network
    if not isinstance(network, MemoryNetwork):
        raise InputError(
            "Only a memory of items learns new categories; this run is of another kind. Train one with fmn-train, "
            "without --as-printed."
        )
    return network


@torch.no_grad()
def enrol(
    retriever: Retriever,
    video: NDArray[np.floating] | Tensor,
    audio: NDArray[np.floating] | Tensor,
    labels: Sequence[str],
) -> tuple[Retriever, list[Enrolment]]:
    """Remember matched pairs of new categories, without a gradient step.

    The clips and recordings are put into the banks beside what is there; slots and metric follow, and how vectors are
    standardised stays. A label that is known already gets no other slot: its pairs are remembered with the others.

    Args:
        retriever: with a memory of items; it stays as it is.
        video, audio: cached features [n, D_v] and [n, D_a], finite; row i of both is one pair.
        labels: [n], what each pair shows.

    Returns:
        A retriever with the categories enrolled, and what was done, by label. It keeps the features of the pairs, so
        that `Retriever.check` refuses a cache that has them in its test split.

    Raises:
        InputError: no pair, an empty label, sizes that differ, another width, values that are not finite, or a
            retriever without a memory of items.
    """
    old = memory_of(retriever)
    given = {
        modality: features_in(features, getattr(old.config, f"{modality}_dim"), modality).to(old.video.device)
        for modality, features in (("video", video), ("audio", audio))
    }
    if not len(labels) or any(len(features) != len(labels) for features in given.values()):
        raise InputError(
            "Enrolment takes at least one pair, and as many clips as recordings and labels; "
            f"got {len(given['video'])}, {len(given['audio'])} and {len(labels)}."
        )
    for row, label in enumerate(labels):
        if not isinstance(label, str) or not label:
            raise InputError(f"An enrolled pair has a label, a text, but pair {row} has {label or 'none'!r}.")
    asked = [LABEL + label for label in labels]
    fresh = [name for name in dict.fromkeys(asked) if name not in old.config.names]
    names = [*old.config.names, *fresh]
    codes = torch.tensor([names.index(name) for name in asked], device=old.video.device)
    network = _grown(old, names, given, codes)
    kept = {
        modality: np.concatenate([*([retriever.enrolled[modality]] if retriever.enrolled else []), now.cpu().numpy()])
        for modality, now in given.items()
    }
    done = [Enrolment(name[len(LABEL) :], asked.count(name), name in fresh) for name in dict.fromkeys(asked)]
    return replace(retriever, network=network.eval(), enrolled=kept), done


def _grown(old: MemoryNetwork, names: list[str], given: dict[str, Tensor], codes: Tensor) -> MemoryNetwork:
    """A copy whose banks hold `given` too, of `codes`."""
    config, state = old.config, old.state_dict()
    for modality in MODALITIES:
        standard = getattr(old, f"standard_{modality}")(given[modality])
        state[modality] = torch.cat([state[modality], standard])
        state[f"{modality}_codes"] = torch.cat([state[f"{modality}_codes"], codes])
    network = MemoryNetwork(
        replace(
            config,
            names=names,
            enrolled=config.enrolled + len(names) - len(config.names),
            video_items=len(state["video"]),
            audio_items=len(state["audio"]),
        )
    )
    network.load_state_dict(state)
    return network.to(old.video.device)
