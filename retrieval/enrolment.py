"""Learning new categories without training: pairs of a label are written into slots of their own (paper, 3.3)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmn.errors import InputError

from .memory import FeatureMemory
from .network import FeatureMemoryNetwork, FmnConfig
from .retriever import Retriever, features_in

NOT_PAIRED = "Only paired banks learn pairs; this run was trained with slots 'independent'."
BANKS = ("memory.video", "memory.audio", "memory.used", "memory.born")


@dataclass(frozen=True)
class Enrolment:
    """What was done for one label: `pairs` written now, the `slots` that hold it, whether the banks `grew` for it."""

    label: str
    pairs: int
    slots: list[int]
    grew: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def memory_network(retriever: Retriever) -> FeatureMemoryNetwork:
    """The FMN inside a retriever; InputError for a retriever without memory banks."""
    network = retriever.network
    if not isinstance(network, FeatureMemoryNetwork):
        raise InputError(f"Only an FMN has memory banks that learn; this run is of kind {type(network).__name__}.")
    return network


def pair_memory(network: FeatureMemoryNetwork) -> FeatureMemory:
    """The banks of an FMN that hold pairs; InputError where the banks are independent of one another."""
    if not isinstance(network.memory, FeatureMemory):
        raise InputError(NOT_PAIRED)
    return network.memory


def check_can_enrol(config: FmnConfig) -> None:
    """InputError where an enrolled pair could say nothing: independent banks, or scores that leave the memory out."""
    if config.slots == "independent":
        raise InputError(NOT_PAIRED)
    if config.leaves_memory_out:
        raise InputError(
            "Enrolled categories are found through the memory, which this run leaves out (beta 0). Train one with "
            "another --beta, such as 1."
        )


@torch.no_grad()
def enrol(
    retriever: Retriever,
    video: NDArray[np.floating] | Tensor,
    audio: NDArray[np.floating] | Tensor,
    labels: Sequence[str],
) -> tuple[Retriever, list[Enrolment]]:
    """Write matched pairs of new categories into the banks, without a gradient step.

    The pairs of a label are averaged, standardised, into one slot of both banks: a free slot if there is one, else the
    banks grow by one. No slot that was filled before is touched, except that further pairs of a label that was enrolled
    before are averaged into its slot, each pair with the same weight. In eq. 3 the S1 of a pair that meets in an
    enrolled slot counts as 1 (`fmn.retrieval.scoring`), because the head was never trained on that category.

    Args:
        retriever: a fitted FMN; it stays as it is.
        video, audio: cached features [n, D_v] and [n, D_a], finite; row i of both is one pair.
        labels: [n], what each pair shows.

    Returns:
        A retriever with the categories enrolled, and what was done, by label. It keeps the features of the pairs, so
        that `Retriever.check` refuses a cache that has them in its test split.

    Raises:
        InputError: no pair, an empty label, sizes that differ, another width, values that are not finite, or a
            retriever without memory, or whose scores leave it out (beta 0).
    """
    old = memory_network(retriever)
    check_can_enrol(old.config)
    device = pair_memory(old).video.device
    video_in = features_in(video, old.config.video_dim, "video").to(device)
    audio_in = features_in(audio, old.config.audio_dim, "audio").to(device)
    if not len(labels) or not len(video_in) == len(audio_in) == len(labels):
        raise InputError(
            "Enrolment takes at least one pair, and as many clips as recordings and labels; "
            f"got {len(video_in)}, {len(audio_in)} and {len(labels)}."
        )
    if not all(labels):
        raise InputError(f"An enrolled pair has a label, but pair {list(labels).index('')} has none.")
    names = list(dict.fromkeys(labels))
    slots, capacity = dict(old.config.enrolled), old.config.capacity
    free = (~pair_memory(old).filled).nonzero()[:, 0].tolist()
    grew = {}
    for name in names:
        grew[name] = name not in slots and not free
        if name not in slots:
            slots[name] = free.pop(0) if free else capacity
            capacity += grew[name]
    network = _grown(old, capacity, slots)
    standard = network.standardise_video(video_in), network.standardise_audio(audio_in)
    memory, done = pair_memory(network), []
    for name in names:
        rows = torch.tensor([label == name for label in labels], device=video_in.device)
        slot, pairs = slots[name], int(rows.sum())
        before = int(memory.used[slot])
        for bank, features in zip((memory.video, memory.audio), standard, strict=True):
            bank[slot] = (bank[slot] * before + features[rows].sum(0)) / (before + pairs)
        memory.used[slot] = before + pairs
        if not before:
            memory.born[slot] = memory.born.max() + 1
        done.append(Enrolment(name, pairs, [slot], grew[name]))
    kept = {
        modality: np.concatenate([*([retriever.enrolled[modality]] if retriever.enrolled else []), now.cpu().numpy()])
        for modality, now in (("video", video_in), ("audio", audio_in))
    }
    return replace(retriever, network=network.eval(), enrolled=kept), done


def _grown(old: FeatureMemoryNetwork, capacity: int, enrolled: dict[str, int]) -> FeatureMemoryNetwork:
    """A copy with banks of `capacity` slots; those of `old` keep their places and their very bits."""
    network = FeatureMemoryNetwork(replace(old.config, capacity=capacity, enrolled=enrolled))
    state = old.state_dict()
    for name in BANKS:
        bank = state[name]
        state[name] = torch.cat([bank, bank.new_zeros((capacity - len(bank), *bank.shape[1:]))])
    network.load_state_dict(state)
    return network.to(pair_memory(old).video.device)
