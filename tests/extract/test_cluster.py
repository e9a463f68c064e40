"""A cluster that was started by hand: a real scheduler, real workers, one of which is killed."""

import subprocess
import sys
import threading
import time

import psutil
import pytest

from fmn.child import GIB, Limits
from fmn.errors import BadItem, InputError
from fmn.extract import cluster as door
from fmn.extract.cluster import Crew, ask, cluster, shared_paths
from fmn.extract.graph import run_items
from fmn.item import Item
from fmn.progress import Silence

COMMAND = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--scheduler-file"]
LIMITS = Limits(stall=120.0, memory=GIB // 2)


@pytest.fixture
def scheduler(work, tmp_path):
    """The file of a scheduler with two workers, and their processes."""
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    started = [subprocess.Popen([*dask, "--scheduler-file", str(file), "--port", "0", "--no-dashboard"])]
    started += [subprocess.Popen([*COMMAND, str(file), "--local-directory", str(tmp_path / name)]) for name in "ab"]
    yield file, started
    for process in started:
        for each in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
            each.kill()
        process.wait()


class Heard(Silence):
    def __init__(self):
        self.said = []

    def say(self, sentence):
        self.said.append(sentence)


def test_a_cluster_does_the_items_and_a_killed_worker_loses_none(scheduler, work, tmp_path):
    file, started = scheduler
    items = [Item(f"sound{n}", "audio", str(tmp_path / f"{n}")) for n in range(40)]
    items.insert(5, Item("crash0", "audio", str(tmp_path / "crash0")))
    found, heard = [], Heard()
    with cluster(str(file), heard) as client:
        client.wait_for_workers(2, timeout=60)
        for number, batch in enumerate(run_items(client, work, items, 2, LIMITS)):
            found += batch
            if number == 2:
                for each in psutil.Process(started[1].pid).children(recursive=True):
                    each.kill()
                started[1].kill()
    assert "workers at" in heard.said[0]
    told = {item.id: result for item, result in found}
    assert len(found) == len(items) and isinstance(told.pop("crash0"), BadItem)
    assert all(result == name * 2 for name, result in told.items())


def test_one_users_end_is_not_anothers(scheduler, work, tmp_path):
    """Two on one cluster: the children of the run that is over end, and those of the other one work on."""
    items = [Item(f"sound{n}", "audio", str(tmp_path / f"{n}")) for n in range(30)]
    with cluster(str(scheduler[0]), Silence()) as client:
        client.wait_for_workers(2, timeout=60)
        found = []
        for number, batch in enumerate(run_items(client, work, items, 2, LIMITS)):
            found += batch
            if number == 1:
                with cluster(str(scheduler[0]), Silence()) as other:
                    assert len([*run_items(other, work, items[:2], 2, LIMITS)]) == 1
    assert all(result == item.id * 2 for item, result in found) and len(found) == len(items)


def test_a_scheduler_that_dies_is_a_sentence(scheduler, work, tmp_path):
    items = [Item(f"sound{n}", "audio", str(tmp_path / f"{n}")) for n in range(3000)]
    with pytest.raises(InputError, match="The Dask scheduler is gone"), cluster(str(scheduler[0]), Silence()) as client:
        for number, _ in enumerate(run_items(client, work, items, 2, LIMITS)):
            if number == 1:
                scheduler[1][0].kill()


def test_what_workers_do_not_see_is_said(scheduler, tmp_path):
    mine = f"/proc/self/task/{threading.get_native_id()}/status"  # there for this process alone
    with cluster(str(scheduler[0]), Silence()) as client:
        Crew(client, None, shared_paths(str(tmp_path), [Item("a", "audio", str(scheduler[0]))]))
        with pytest.raises(InputError, match=r"does not see /proc/self/task.*share under the same path"):
            Crew(client, None, shared_paths(str(tmp_path), [Item("a", "audio", mine)]))


def test_a_worker_that_joins_later_and_cannot_do_items_is_named_and_gets_none(scheduler, work, tmp_path):
    """It lacks a path that the first two see: each item is done by one of those, and none is blamed."""
    file, started = scheduler
    items = [Item(f"sound{n}", "audio", str(tmp_path / f"{n}")) for n in range(60)]
    seen, heard, by = tmp_path / "shared", Heard(), {}
    seen.mkdir()
    with cluster(str(file), Silence()) as client:
        client.wait_for_workers(2, timeout=60)
        crew = Crew(client, heard, [str(seen)])
        first = set(crew.fit)
        seen.rmdir()  # so that who comes from now on does not see it
        for number, batch in enumerate(run_items(client, work, items, 2, LIMITS, crew=crew)):
            by.update((item.id, result) for item, result in batch)
            if number == 1:
                started.append(subprocess.Popen([*COMMAND, str(file), "--local-directory", str(tmp_path / "late")]))
                client.wait_for_workers(3, timeout=240)
                time.sleep(door.LOOK)
        assert set(crew.fit) == first and len(client.scheduler_info(n_workers=-1)["workers"]) == 3
    assert len(heard.said) == 1 and "A worker that joined gets no items" in heard.said[0] and str(seen) in heard.said[0]
    assert all(result == name * 2 for name, result in by.items()) and len(by) == len(items)


def test_items_that_were_kept_to_workers_that_are_gone_are_given_to_those_that_came(scheduler, work, tmp_path):
    file, started = scheduler
    items = [Item(f"sound{n}", "audio", str(tmp_path / f"{n}")) for n in range(40)]
    found = []
    with cluster(str(file), Silence()) as client:
        client.wait_for_workers(2, timeout=60)
        crew = Crew(client, None, [str(tmp_path)])
        for number, batch in enumerate(run_items(client, work, items, 2, LIMITS, crew=crew)):
            found += batch
            if number == 1:
                for process in started[1:]:
                    for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                        each.kill()
                started.append(subprocess.Popen([*COMMAND, str(file), "--local-directory", str(tmp_path / "late")]))
    assert sorted(item.id for item, _ in found) == sorted(item.id for item in items)
    assert all(result == item.id * 2 for item, result in found)


def test_a_worker_that_does_not_answer_holds_nobody(scheduler, monkeypatch):
    monkeypatch.setattr(door, "ANSWER", 0.5)
    with cluster(str(scheduler[0]), Silence()) as client, pytest.raises(TimeoutError):
        ask(client, time.sleep, 5)


def test_where_no_scheduler_answers_it_is_said_in_time(monkeypatch, tmp_path):
    monkeypatch.setattr(door, "CONNECT", 2.0)
    began = time.monotonic()
    with (
        pytest.raises(InputError, match=r"must answer at tcp://127.0.0.1:9; none did"),
        cluster("tcp://127.0.0.1:9", Silence()),
    ):
        pass
    assert time.monotonic() - began < 60
    with pytest.raises(InputError, match="there was none at"), cluster(str(tmp_path / "none.json"), Silence()):
        pass
