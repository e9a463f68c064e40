"""What an encoder is: the one door that every encoder comes through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from fmn.cache import EncoderRecord, Row
from fmn.errors import BadItem, InputError
from fmn.item import Item

from ..fitting.train_part import TrainPart, each
from ..media.notes import noted
from .settings import ExtractSettings


class Encoder(Protocol):
    """A ready encoder of one modality."""

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row an item, in order; a BadItem in the place of an item that cannot be used."""


@dataclass(frozen=True)
class OneByOne:
    """An encoder that makes the row of one item after the other. `row` raises BadItem for one that cannot be used."""

    row: Callable[[Item], Row]

    def encode(self, items: Sequence[Item]) -> list[Row | BadItem]:
        """One row an item, in order, with its notes; a BadItem in the place of an item that cannot be used."""
        return each(items, self._noted)

    def _noted(self, item: Item) -> Row:
        row, notes = noted(self.row, item)
        return replace(row, notes=notes)


@dataclass(frozen=True)
class Settled:
    """What was decided for a cache: the vectors' length, how items are shown, and the weights of the record.

    weights: "source", "sha256" (by role), and "files" (by role) of those kept in the cache. told: which weights, in a
    phrase. warning: one sentence for every table made from the features, or "". notes: more facts, no part of the
    fingerprint.
    """

    dim: int
    preprocessing: Mapping[str, Any]
    weights: Mapping[str, Any]
    told: str
    warning: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EncoderEntry:
    """An encoder as the registry knows it.

    chunk: items that are encoded together.
    asked: the part of the settings that decides the features, as JSON with a key "weights"; a cache whose record was
    asked for in the same words keeps its encoder. InputError for settings that do not fit.
    decide: finds, fetches or fits the weights, with the items of the train split.
    open: the encoder that a record describes, the same on every worker and in search, from (record, cache folder,
    device); InputError when its weights are not to be had any more.
    """

    modality: str
    name: str
    chunk: int
    asked: Callable[[ExtractSettings], dict[str, Any]]
    decide: Callable[[ExtractSettings, TrainPart], Settled]
    open: Callable[[EncoderRecord, Path, str], Encoder]

    def settle(self, settings: ExtractSettings, part: TrainPart) -> EncoderRecord:
        """Decide on the weights and write down what was decided."""
        found = self.decide(settings, part)
        # The last bits of what is fitted depend on the number of threads; all else is made with one (`fmn.threads`).
        here = "files" in found.weights and "seed" not in found.weights
        fitted = {"threads": torch.get_num_threads()} if here else {}
        told = {"told": f"{self.modality} encoder: {found.told}"}
        notes = {**told, **found.notes, **fitted, "asked": self.asked(settings)}
        return EncoderRecord(
            self.modality, self.name, found.dim, found.preprocessing, found.weights, found.warning, notes
        )


def weights_path(record: EncoderRecord, cache: Path, role: str) -> Path:
    """The weights file of a record: in the cache where it was fitted here, else where it was given."""
    weights = record.weights
    if role in weights.get("files", {}):
        return cache / str(weights["files"][role])
    return Path(str(weights.get("paths", {}).get(role, weights.get("path", ""))))


def check_sha256(record: EncoderRecord, role: str, found: str, what: str, told: str) -> None:
    """Raise InputError unless `found` is the recorded checksum. what: whose weights; told: what has that checksum."""
    wanted = str(record.weights["sha256"][role])
    if found != wanted:
        raise InputError(
            f"Encoding needs the {what} that the cache was made with (sha256 {wanted[:12]}); {told} is something else "
            f"({found[:12]}). Put the right ones back."
        )
