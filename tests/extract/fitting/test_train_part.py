"""The train split: a task over it, what fails on the way, and what a fitting on recordings says."""

import numpy as np
import pytest

from fmn.errors import BadItem
from fmn.extract.fitting.epochs import FitReport
from fmn.extract.fitting.train_part import TrainPart, each, fit_on_recordings
from fmn.extract.items.split import held_out
from fmn.item import Item
from fmn.progress import Silence


class Counting(Silence):
    def __init__(self):
        self.said, self.stages, self.steps, self.notes = [], [], [], []

    def say(self, text):
        self.said.append(text)

    def stage(self, name, total):
        self.stages.append((name, total))

    def step(self, count=1, failed=0):
        self.steps.append((count, failed))

    def note(self, text):
        self.notes.append(text)


def item(name, label="a", split="train"):
    return Item(name, "audio", f"/{name}", label=label, split=split)


def doubled(one):
    if "bad" in one.id:
        raise BadItem(f"{one.id} is bad")
    return 2 * len(one.id)


@pytest.fixture
def part(tools, tmp_path):
    items = [item(name) for name in ("ccc", "bad1", "a", "bb", "bad2")]
    return TrainPart(tmp_path, items, tools.in_process, Counting())


def test_a_bad_item_stands_in_its_place():
    found = each([item("a"), item("bad"), item("bbb")], doubled)
    assert found[0] == 2 and found[2] == 6 and isinstance(found[1], BadItem)


def test_a_task_runs_over_the_part_as_a_stage_and_failures_are_counted(part):
    done = part.run("doubling", doubled, 2)
    assert done.good == {"ccc": 6, "a": 2, "bb": 4}
    assert done.failed == [("bad1", "bad1 is bad"), ("bad2", "bad2 is bad")]
    assert part.watcher.stages == [("doubling", 5)] and part.watcher.steps == [(2, 1), (2, 0), (1, 1)]
    assert part.run("some", doubled, items=part.items[:1]).good == {"ccc": 6}


def test_some_items_are_spread_evenly_over_the_ids(part):
    assert [one.id for one in part.some(3)] == ["a", "bad2", "ccc"]
    assert [one.id for one in part.some(9)] == sorted(one.id for one in part.items)


def test_of_some_of_the_recordings_those_are_held_out_that_the_whole_split_holds_out(tools, tmp_path):
    """Nothing else may see them: the retriever's settings are chosen on them."""
    items = [item(f"{k:02}", "ab"[k % 2]) for k in range(60)]
    part, seen = TrainPart(tmp_path, items, tools.in_process, Counting()), {}

    def fit(arrays, labels, held, tell):
        seen.update(zip([int(array[0]) for array in arrays], held, strict=True))
        return "network", FitReport("labels", 2, 5, 2, 2, 2, 0.75, False, 3.4, "")

    heard = {f"{k:02}": np.full(1, k) for k in range(0, 60, 3)}
    fit_on_recordings(part, heard, fit, name="Net", epochs=9, limit="", measure="", outcome=lambda _: "")
    wanted = held_out(items, part.seed)
    assert {f"{k:02}" for k, out in seen.items() if out} == wanted & heard.keys() and any(seen.values())


def test_a_fitting_on_recordings_gets_them_in_order_and_is_told(tools, tmp_path):
    items = [item(f"{k:02}", "ab"[k % 2], "val" if k > 5 else "train") for k in range(8)][::-1]
    part, seen = TrainPart(tmp_path, items, tools.in_process, Counting()), {}

    def fit(arrays, labels, held, tell):
        seen.update(arrays=arrays, labels=labels, held=held)
        tell(None)
        tell(0.75)
        return "network", FitReport("labels", 2, 5, 2, 2, 2, 0.75, True, 3.4, "")

    heard = {f"{k:02}": np.full(1, k) for k in range(8) if k != 3}
    network, report, used = fit_on_recordings(
        part, heard, fit, name="Net", epochs=9, limit="2 minutes", measure="right", outcome=lambda _: ": well"
    )
    assert network == "network" and [int(array[0]) for array in seen["arrays"]] == [0, 1, 2, 4, 5, 6, 7]
    assert seen["labels"] == list("ababab"[:3]) + list("abab") and seen["held"] == [False] * 5 + [True] * 2
    assert [one.id for one in used] == sorted(heard)
    assert part.watcher.stages == [("Net fitting (epochs)", 9)] and part.watcher.notes == ["right 75 %"]
    assert part.watcher.said == [
        "Net's fitting was cut at 2 minutes after 2 of 9 epochs: the result depends on the speed of this machine.",
        "Net fitted on 5 recordings of the train split (2 labels): well, 3 s.",
    ]
    assert report.accuracy == 0.75
