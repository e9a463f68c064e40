"""A watched process: real crashes, real silence, real memory."""

import functools
import multiprocessing
import operator
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from fmn.child import GIB, Child, Crash, Limits
from fmn.errors import InputError
from fmn.workers import ENVIRONMENT


@pytest.fixture
def child():
    made = Child(Limits(stall=5.0, memory=GIB // 2))
    yield made
    made.close()


def test_calls_are_answered_by_one_process_that_is_not_this_one(child):
    first, again = child.call(os.getpid), child.call(os.getpid)
    assert first == again != os.getpid()
    assert child.call(os.getenv, "OMP_NUM_THREADS") == ENVIRONMENT["OMP_NUM_THREADS"]


def test_a_warm_one_has_done_what_it_was_told_and_answers_the_next_call(child):
    child.warm(functools.partial(exec, "import os; os.environ['WARMED'] = 'yes'"))
    assert child.call(os.getenv, "WARMED") == "yes"
    child.warm(os.abort)
    with pytest.raises(Crash):
        child.call(operator.add, 2, 2)
    child.warm(functools.partial(operator.truediv, 1, 0))
    assert child.call(operator.add, 2, 2) == 4


def test_what_is_raised_there_is_raised_here_and_costs_nothing(child):
    before = child.call(os.getpid)
    with pytest.raises(ZeroDivisionError):
        child.call(operator.truediv, 1, 0)
    assert child.call(os.getpid) == before


def test_what_cannot_travel_is_an_error_and_not_a_loss(child):
    with pytest.raises(RuntimeError):
        child.call(open, os.devnull)
    assert child.call(operator.add, 1, 2) == 3


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ((os.abort,), f"signal {int(signal.SIGABRT)}"),
        ((os._exit, 3), "exit code 3"),
        ((time.sleep, 600), "no sign of life for 5 s"),
        ((list, range(10**9)), "more than 0.5 GiB"),
    ],
)
def test_a_lost_process_is_told_and_another_one_takes_its_place(child, how, said):
    before = child.call(os.getpid)
    with pytest.raises(Crash, match=said):
        child.call(*how)
    assert not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE
    assert child.call(os.getpid) != before


def test_an_interrupted_call_leaves_no_answer_for_the_next(child):
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        child.call(time.sleep, 5)
    timer.join()
    assert child.call(operator.add, 1, 2) == 3


def test_a_call_whose_child_another_thread_ends_is_a_crash(child):
    child.call(os.getpid)
    timer = threading.Timer(1.0, child.close)
    timer.start()
    with pytest.raises(Crash):
        child.call(time.sleep, 60)
    timer.join()


def test_a_script_without_its_guard_is_told_so(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import os\nfrom fmn.child import Child, Limits\nprint(Child(Limits()).call(os.getpid))\n")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and 'must do so under if __name__ == "__main__":' in done.stderr


PROGRAM = """
import os, sys, time
from fmn.child import Child, Limits
if __name__ == "__main__":
    child = Child(Limits())
    print(child.call(os.getpid), flush=True)
    child.call(time.sleep, 600)
"""


def test_it_ends_with_the_one_that_started_it(tmp_path):
    """Even where that is killed while the child is at work."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    other = int(process.stdout.readline())
    process.kill()
    process.wait()
    until = time.monotonic() + 60
    while psutil.pid_exists(other) and time.monotonic() < until:
        time.sleep(0.1)
    assert not psutil.pid_exists(other)


@pytest.mark.parametrize("wrong", [{"stall": 0.0}, {"stall": float("nan")}, {"memory": 1}, {"memory": 1 << 60}])
def test_limits_that_are_none_are_refused(wrong):
    with pytest.raises(InputError, match="An item may"):
        Limits(**wrong)


def test_closing_leaves_no_process():
    made = Child(Limits())
    other = made.call(os.getpid)
    made.close()
    assert other not in {each.pid for each in multiprocessing.active_children()}
    made.close()
