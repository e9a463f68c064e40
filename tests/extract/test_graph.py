"""Real workers: what Ctrl-C does to all of them, and that two clusters live side by side in silence."""

import functools
import operator
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
import torch

from fmn.child import Limits
from fmn.device import pick_device
from fmn.errors import BadItem, InputError, NotWritten
from fmn.extract import graph
from fmn.extract.fitting.train_part import each
from fmn.extract.graph import local_workers, mapper, run_items
from fmn.extract.guard import close_children, guard, packed
from fmn.extract.query import encode_query
from fmn.item import Item
from fmn.workers import ENVIRONMENT

PROGRAM = """
import os
import time
from fmn.item import Item
from fmn.commands.shell import command
from fmn.extract.graph import local_workers, run_items

def sleep(items):
    time.sleep(600)

@command("fmn-try")
def main():
    with local_workers(1) as client, local_workers(1) as other:
        print(*client.run(os.getpid).values(), *other.run(os.getpid).values(), flush=True)
        list(run_items(client, sleep, [Item("a", "video", "/a")], 1))

if __name__ == "__main__":
    main()
"""


def test_ctrl_c_in_a_terminal_ends_all_with_one_sentence(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers = process.stdout.readline().split()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert len(workers) == 2 and said == "Error: Interrupted. What is finished is kept.\n" and process.returncode == 130
    assert not any(Path("/proc", worker).exists() for worker in workers)


def test_workers_have_the_environment_of_all_our_workers_and_name_what_fails():
    items = [Item(name, "audio", f"/{name}") for name in ("a", "bad", "c")]
    with local_workers(1) as client:
        for name, value in ENVIRONMENT.items():
            assert list(client.run(os.getenv, name).values()) == [value]
        assert list(client.run(torch.get_num_threads).values()) == list(client.run(cv2.getNumThreads).values()) == [1]
        task = functools.partial(each, make=operator.attrgetter("id"))
        found = [pair for batch in run_items(client, task, items, 2) for pair in batch]
        assert sorted(found, key=lambda pair: pair[0].id) == [(item, item.id) for item in items]
        broken = functools.partial(each, make=operator.attrgetter("none"))
        (failed,) = [pair for batch in run_items(client, broken, items[:1], 1) for pair in batch]
        assert failed[0] == items[0] and "unexpected AttributeError" in str(failed[1])


def test_without_workers_all_happens_here_and_a_fault_costs_one_item():
    items = [Item(name, "audio", f"/{name}") for name in ("a", "bad", "c")]

    def task(part):
        if any(item.id == "bad" for item in part):
            raise RuntimeError("no")
        return [os.getpid() for _ in part]

    with mapper(0) as run:
        found = [pair for batch in run(task, items, 2) for pair in batch]
    assert [item for item, _ in found] == items
    assert found[0][1] == found[2][1] == os.getpid()
    assert isinstance(found[1][1], BadItem) and str(found[1][1]) == "unexpected RuntimeError: no"


def test_a_full_disk_is_no_items_fault(tmp_path):
    def full(part):
        raise NotWritten("The disk is full.")

    with mapper(0) as run, pytest.raises(NotWritten):
        list(run(full, [Item("a", "audio", "/a")], 1))
    with pytest.raises(NotWritten):
        guard(packed(_full), (Item("a", "audio", "/a"), Item("b", "audio", "/b")), limits=Limits(), run="full")
    close_children("full", SimpleNamespace(local_directory=str(tmp_path)))


def _full(items):
    raise NotWritten("The disk is full.")


@pytest.mark.parametrize("workers", [-1, 100_000])
def test_workers_that_cannot_be_started_are_refused(workers):
    with pytest.raises(InputError, match=f"--workers is from 0 to [0-9]+, got {workers}"), mapper(workers):
        pass


def test_no_worker_starts_before_there_is_a_task(monkeypatch):
    started = []
    monkeypatch.setattr(graph, "local_workers", lambda count: nullcontext(started.append(count)))
    monkeypatch.setattr(
        graph, "run_items", lambda client, task, items, chunk, limits, stop, crew: iter([[(items[0], chunk)]])
    )
    with mapper(3) as run:
        assert not started
        for _ in range(2):
            assert list(run(list, ["item"], 5)) == [[("item", 5)]]
        assert started == [3]


@pytest.mark.parametrize("name", ["", "cuda:x", "meta", "mps", "cuda:999", "cpu:0"])
def test_a_device_that_is_none_is_refused(name):
    assert pick_device("cpu") == "cpu" and pick_device("auto") in ("cpu", "cuda")
    with pytest.raises(InputError, match="The device is auto, cpu, cuda or cuda:N"):
        pick_device(name)


def test_a_folder_is_no_query(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        encode_query(tmp_path, None, {})
