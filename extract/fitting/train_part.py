"""The items of the train split, and how tasks run over them on the workers: what everything that is fitted begins with.

One item that cannot be used is a `BadItem` in its place, counted and left out, and the rest goes on.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from fmn.errors import BadItem
from fmn.item import Item
from fmn.progress import Watcher
from fmn.workers import Task

from ..items.split import held_out
from .epochs import FitReport

T = TypeVar("T")


class Map(Protocol):
    """`map(task, items, chunk)` runs a task on the workers and yields (item, result) lists as they become ready; with
    `stop`, no more is begun once it says so."""

    def __call__(
        self, task: Task, items: Sequence[Item], chunk: int, stop: Callable[[], bool] = ...
    ) -> Iterator[list[tuple[Item, Any]]]: ...


def each(items: Sequence[Item], make: Callable[[Item], T]) -> list[T | BadItem]:
    """What `make` makes of each item, in order; a BadItem in the place of an item that cannot be used."""
    found: list[T | BadItem] = []
    for item in items:
        try:
            found.append(make(item))
        except BadItem as bad:
            found.append(bad)
    return found


@dataclass(frozen=True)
class Done:
    """good: item id -> what was made of it. failed: (id, reason) of the others."""

    good: dict[str, Any]
    failed: list[tuple[str, str]]


@dataclass(frozen=True)
class TrainPart:
    """What an encoder may be fitted on, and with.

    folder: of the cache, where fitted weights are kept. items: of the train split, those of split "val" among them.
    map: runs a task on the workers. seed, minutes, device: of the fitting; `minutes` bounds it, and where it is None an
    amount of work does, which is the same on every machine.
    """

    folder: Path
    items: Sequence[Item]
    map: Map
    watcher: Watcher
    seed: int = 0
    minutes: float | None = None
    device: str = "cpu"

    def run(self, stage: str, make: Callable[[Item], Any], chunk: int = 1, items: Sequence[Item] | None = None) -> Done:
        """Make something of each of `items` (all by default) on the workers, as a stage of the watcher.

        make: raises BadItem for an item that cannot be used; a function of a module, or a partial of one.
        """
        items = self.items if items is None else items
        self.watcher.stage(stage, len(items))
        done = Done({}, [])
        for batch in self.map(functools.partial(each, make=make), items, chunk):
            bad = [(item.id, str(found)) for item, found in batch if isinstance(found, BadItem)]
            done.failed.extend(bad)
            for item, found in batch:
                self.watcher.item(item, str(found) if isinstance(found, BadItem) else "")
            done.good.update({item.id: found for item, found in batch if not isinstance(found, BadItem)})
            self.watcher.step(len(batch), len(bad))
        return done

    def some(self, count: int) -> list[Item]:
        """At most `count` items, spread evenly over their ids."""
        items = sorted(self.items, key=lambda item: item.id)
        places = {round(place) for place in np.linspace(0, len(items) - 1, min(count, len(items)))}
        return [items[place] for place in sorted(places)]


N = TypeVar("N")
Fit = Callable[[list[Any], list[str], list[bool], Callable[[float | None], None]], tuple[N, FitReport]]
"""(one array a recording, labels, held-out marks, what hears each epoch's accuracy) -> (network, report)."""


def fit_on_recordings(
    part: TrainPart,
    heard: dict[str, Any],
    fit: Fit[N],
    *,
    name: str,
    epochs: int,
    limit: str,
    measure: str,
    outcome: Callable[[FitReport], str],
) -> tuple[N, FitReport, list[Item]]:
    """Fit on what was `heard` (by id) of the recordings of a train split, and tell the watcher how it goes.

    Args:
        name: of the network, for sentences. limit: the bound on its time, in words. measure: what the accuracy is of.
        outcome: the end of the closing sentence.

    Returns:
        (network, report, the recordings, those held out among them).
    """
    items, watcher = sorted((item for item in part.items if item.id in heard), key=lambda item: item.id), part.watcher
    # Of the whole split, as everything else holds it out, and not of what could be read or was taken of it.
    whole = held_out(part.items, part.seed)
    held = {item.id for item in items} & whole
    if not held or len(held) == len(items):
        held = held_out(items, part.seed)
    watcher.stage(f"{name} fitting (epochs)", epochs)

    def tell(accuracy: float | None) -> None:
        watcher.step()
        if accuracy is not None:
            watcher.note(f"{measure} {100 * accuracy:.0f} %")

    network, report = fit(
        [heard[item.id] for item in items],
        [item.label for item in items],
        [item.id in held for item in items],
        tell,
    )
    if report.cut:
        watcher.say(
            f"{name}'s fitting was cut at {limit} after {report.epochs} of {epochs} epochs: the result depends on the "
            "speed of this machine."
        )
    if report.accuracy is not None:
        watcher.say(
            f"{name} fitted on {report.items} recordings of the train split ({report.classes} labels)"
            f"{outcome(report)}, {report.seconds:.0f} s."
        )
    return network, report, items
