"""Real processes: what they find, and how they end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fmn.errors import InputError
from fmn.workers import ENVIRONMENT, cores, processes

TASKS = """
import os, signal, time
from pathlib import Path

def meet(folder, others):
    \"\"\"What this process finds, once `others` processes have come here.\"\"\"
    (Path(folder) / str(os.getpid())).touch()
    while len(os.listdir(folder)) < others:
        time.sleep(0.01)
    deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return os.getpid(), {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_")}, deaf

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def stay(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)
"""

SCRIPT = """
import os, sys, time
from fmn.workers import processes
import tasks_of_a_test as tasks
if __name__ == "__main__":
    try:
        with processes(2) as pool:
            waiting = [pool.submit(tasks.stay, sys.argv[1]) for _ in range(4)]
            while len(os.listdir(sys.argv[1])) < 2:
                time.sleep(0.01)
            print("both are at it", flush=True)
            waiting[0].result()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "tasks_of_a_test.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path / "code")
    import tasks_of_a_test

    yield tasks_of_a_test
    del sys.modules["tasks_of_a_test"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def test_every_process_has_the_environment_and_hears_no_ctrl_c(tasks, folder):
    before = dict(os.environ)
    with processes(3) as pool:
        found = [future.result() for future in [pool.submit(tasks.meet, str(folder), 3) for _ in range(3)]]
        assert dict(os.environ) == before and signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert len({pid for pid, _, _ in found}) == 3 and os.getpid() not in {pid for pid, _, _ in found}
    for _, environment, deaf in found:
        assert environment == {name: ENVIRONMENT[name] for name in environment} and deaf


def test_a_process_that_dies_is_a_sentence(tasks):
    with pytest.raises(InputError, match=r"A worker process died .* with fewer --workers"), processes(2) as pool:
        pool.submit(tasks.die).result()


def test_what_was_submitted_is_finished_at_the_end_of_the_block():
    with processes(1) as pool:
        waiting = [pool.submit(time.sleep, 0.2) for _ in range(3)]
    assert all(future.done() and not future.cancelled() for future in waiting)


def test_an_error_ends_them_at_once(tasks, folder):
    began = time.monotonic()
    with pytest.raises(ValueError, match="enough"), processes(2) as pool:
        for _ in range(4):
            pool.submit(tasks.stay, str(folder))
        while len(os.listdir(folder)) < 2:
            time.sleep(0.01)
        raise ValueError("enough")
    assert time.monotonic() - began < 300
    for pid in map(int, os.listdir(folder)):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_parent_takes_its_processes_along(tasks, folder, tmp_path, sent):
    """Killed, it alone; by Ctrl-C, which a terminal sends to all, so that they must not answer it one by one."""
    script = tmp_path / "code" / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        assert process.stdout.readline() == "both are at it\n"
        if sent == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, sent)
        said, errors = process.communicate(timeout=300)  # ends once the processes have ended, too
    if sent == signal.SIGINT:
        assert (process.returncode, said, errors) == (0, "interrupted\n", "")


def test_there_is_a_core():
    assert 1 <= cores() <= os.cpu_count()
