"""Real workers: what Ctrl-C does to all of them, and that two clusters live side by side in silence."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fmn.device import pick_device
from fmn.errors import InputError
from fmn.extract.query import encode_query

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


@pytest.mark.parametrize("name", ["", "cuda:x", "meta", "mps", "cuda:999", "cpu:0"])
def test_a_device_that_is_none_is_refused(name):
    assert pick_device("cpu") == "cpu" and pick_device("auto") in ("cpu", "cuda")
    with pytest.raises(InputError, match="The device is auto, cpu, cuda or cuda:N"):
        pick_device(name)


def test_a_folder_is_no_query(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        encode_query(tmp_path, None, {})
