"""Real writing processes, really killed: what was committed is there, what was not leaves no trace."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fmn import files
from fmn.cache import CacheWriter, FeatureCache, index, layout, orphans, writer
from fmn.cache.check import verify
from fmn.errors import InputError

BATCHES = [[f"{batch}-{n}" for n in range(batch + 1)] for batch in range(4)]
CODE = {module.__file__ for module in (files, writer, layout, orphans, index)}


def write_all(path, told, row, record):
    """Write what is missing, batch by batch; `told` hears of each batch once `add` has returned."""
    with CacheWriter(path) as open_writer:
        open_writer.declare(record())
        for number, batch in enumerate(BATCHES):
            missing = [name for name in batch if name not in open_writer.done("video", "i3d")]
            open_writer.add("i3d", [row(name, label=f"label {number}") for name in missing])
            told(number)


def kill_at_line(path, progress, line, row, record):
    """Run in a process of its own: write, and die by SIGKILL before the line-th line of the writer's code."""
    left = line

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename not in CODE:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    with open(progress, "a") as file:

        def told(number):
            file.write(f"{number}\n")
            file.flush()

        sys.settrace(trace)
        write_all(path, told, row, record)


def check_after_kill(path, committed, expected):
    """The state that any reader and the next writer find."""
    try:
        cache = FeatureCache(path)
        seen = set(cache.ids("video"))
        wanted = np.array([expected(name) for name in cache.ids("video")], "f4").reshape(-1, 6)
        assert np.array_equal(cache.features("video"), wanted)
    except InputError as error:
        assert not committed and (
            "no index.json" in str(error) or "holds no video" in str(error) or "no folder" in str(error)
        )
        seen = set()
    batches = [set(batch) for batch in BATCHES]
    assert seen in [set().union(*batches[:count]) for count in range(len(committed), len(batches) + 1)]
    with CacheWriter(path) as again:
        assert again.done("video", "i3d") == seen
    own = {file.name for file in path.iterdir()} - {"index.json", ".writer.lock", ".parity"}
    assert own == {entry.file for entry in index.load_index(path).shards}
    assert verify(path) == []


def test_sigkill_before_any_line_of_the_writer(tmp_path, row, record, expected):
    fork = multiprocessing.get_context("fork")
    line, exit_code, killed = 1, None, 0
    while exit_code != 0:
        path, progress = tmp_path / f"cache{line}", tmp_path / f"progress{line}"
        process = fork.Process(target=kill_at_line, args=(path, progress, line, row, record))
        process.start()
        process.join()
        exit_code = process.exitcode
        assert exit_code in (0, -signal.SIGKILL)
        killed += exit_code != 0
        check_after_kill(path, progress.read_text().split(), expected)
        line += 11  # every eleventh line: the moments differ from batch to batch
    assert killed > 40
    assert set(FeatureCache(path).ids("video")) == {name for batch in BATCHES for name in batch}


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from conftest import make_record, make_row
from test_kill import write_all
write_all(sys.argv[1], lambda number: print(number, flush=True), make_row, make_record)
"""


@pytest.mark.parametrize("seed", range(6))
def test_sigkill_from_outside_at_any_time_then_resume(tmp_path, row, record, expected, seed):
    path = tmp_path / "cache"
    command = [sys.executable, "-c", SCRIPT, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        heard = []
        if seed:  # let some batches pass, then strike at a random moment
            heard = [process.stdout.readline().strip() for _ in range(seed % 4)]
        time.sleep(random.Random(seed).uniform(0, 0.01))
        process.send_signal(signal.SIGKILL)
        heard += process.stdout.read().split()
    path.mkdir(exist_ok=True)
    check_after_kill(path, [each for each in heard if each], expected)
    write_all(path, lambda number: None, row, record)
    cache = FeatureCache(path)
    assert cache.ids("video") == sorted(name for batch in BATCHES for name in batch)
    assert np.array_equal(cache.features("video"), np.array([expected(name) for name in cache.ids("video")], "f4"))
    assert verify(path) == []
