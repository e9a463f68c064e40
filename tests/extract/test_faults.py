"""Items that crash, hang and eat memory, and workers that are killed: real processes."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from fmn.child import GIB, Limits
from fmn.errors import BadItem, InputError
from fmn.extract import graph
from fmn.extract.graph import local_workers, run_items
from fmn.extract.query import encode_query
from fmn.item import Item

LIMITS = Limits(stall=4.0, memory=GIB // 2)


def items_of(folder, *faults, sound=40):
    names = [f"sound{n}" for n in range(sound)]
    for place, name in enumerate(faults):
        names.insert(place * 7 + 2, f"{name}{place}")
    return [Item(name, "audio", str(folder / name)) for name in names]


def test_only_those_are_blamed_that_did_it_and_their_neighbours_are_done(work, tmp_path):
    items = items_of(tmp_path, "crash", "hang", "flaky", "eat", "wrong")
    with local_workers(2) as client:
        batches = [pair for batch in run_items(client, work, items, 4, LIMITS) for pair in batch]
    found = {item.id: result for item, result in batches}
    assert len(batches) == len(items)
    told = {name.rstrip("0123456789"): str(result) for name, result in found.items() if isinstance(result, BadItem)}
    assert all(result == name * 2 for name, result in found.items() if name.startswith(("sound", "flaky")))
    assert told.keys() == {"crash", "hang", "eat", "wrong"}
    assert "lost, twice: it ended with signal 6" in told["crash"]
    assert "no sign of life for 4 s" in told["hang"]
    assert "more than 0.5 GiB" in told["eat"]
    assert told["wrong"] == "unexpected KeyError: 'no'"


def processes():
    """The workers and their children, by pid."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it ended just now
            found += [each] if "spawn_main" in " ".join(each.cmdline()) else []
    return sorted(found, key=lambda each: each.pid)


def test_workers_that_are_killed_lose_nothing(work, tmp_path):
    """One after the other, they or their children, while results lie on them and wait to be fetched."""
    items = items_of(tmp_path)
    found = []
    with local_workers(2) as client:
        for number, batch in enumerate(run_items(client, work, items, 2, LIMITS)):
            found += batch
            if number < 6 and (there := processes()):
                there[number % len(there)].kill()
    assert not [str(result) for _, result in found if isinstance(result, BadItem)]
    assert sorted(result for _, result in found) == sorted(item.id * 2 for item in items)


def test_where_no_worker_is_left_the_run_says_so_and_stops(work, tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "PATIENCE", 3.0)
    with local_workers(1) as client:
        run = run_items(client, work, items_of(tmp_path), 2, LIMITS)
        next(run)
        client.cluster.scale(0)
        with pytest.raises(InputError, match="No worker process is left"):
            for _ in run:
                time.sleep(0.01)


STOPPED = """
import faulty_items
from fmn.child import Limits
from fmn.commands.shell import command
from fmn.extract.graph import local_workers, run_items
from fmn.item import Item
from fmn.stopping import stopping

@command("fmn-try")
def main():
    with local_workers(2) as client, stopping(lambda said: print(said, flush=True)) as stop:
        items = [Item(f"sound{n}", "audio", "/") for n in range(3000)]
        for number, batch in enumerate(run_items(client, faulty_items.work, items, 2, Limits(), stop)):
            print("done", len(batch), flush=True)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_what_is_in_flight_end(work, tmp_path, sent):
    program = tmp_path / "program.py"
    program.write_text(STOPPED)
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    process = subprocess.Popen([sys.executable, str(program)], **how)
    assert process.stdout.readline().startswith("done")
    os.killpg(process.pid, sent) if sent == signal.SIGINT else process.send_signal(sent)  # a terminal tells all of them
    said, wrong = process.communicate(timeout=120)
    after = said[said.index("Stopping after") :]
    assert 1 <= after.count("done") <= 4  # what was being done on two workers, and not what lay waiting there
    assert wrong == "Error: Interrupted. What is finished is kept.\n" and process.returncode == 128 + sent


class _Cache:
    """A cache whose record asks for an encoder that crashes."""


def test_a_query_that_hangs_its_reader_is_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "query.wav")
    with pytest.raises(InputError, match="there is none at"):  # a pipe is no file
        encode_query(tmp_path / "query.wav", _Cache(), {})
