"""Files whole or not at all, and one writer at a time."""

import os
import signal
import subprocess
import sys

import pytest

from fmn.errors import InputError, NotWritten
from fmn.files import alone, replacing, write_durably


def test_a_file_stands_once_the_block_ends_well(tmp_path):
    path = tmp_path / "a.flac"
    path.write_text("old")
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".flac"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.flac"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_durable_file_is_whole_or_the_one_before(tmp_path, monkeypatch):
    write_durably(tmp_path, "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritten, match=f"The disk is full: {tmp_path}.a. Free some space"):
        write_durably(tmp_path, "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one" and os.listdir(tmp_path) == ["a"]


HOLD = """
import sys
from pathlib import Path
from fmn.files import alone
with alone(Path(sys.argv[1]), ".lock", "taken"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("killed", [False, True])
def test_one_process_at_a_time(tmp_path, killed):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="Somebody is at it"), alone(tmp_path, ".lock", "Somebody is at it."):
            pass
        if killed:
            process.send_signal(signal.SIGKILL)
        process.stdin.close()
        process.wait(timeout=60)
    with alone(tmp_path, ".lock", "Somebody is at it."), pytest.raises(InputError), alone(tmp_path, ".lock", "taken"):
        pass  # nor twice in one process
    with alone(tmp_path, ".lock", "It was freed."):
        pass
