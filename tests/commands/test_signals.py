"""Signals to commands that fit: what is in flight is kept, the exit code says it, and nobody stays behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from safetensors import safe_open

FITTINGS = {
    "descent": (("fmn-train", "--as-printed", "--epochs", "100000", "--patience", "0", "--run"), "last.safetensors"),
    "comparison": (("fmn-compare", "--only", "CCA,SM,FMN", "--workers", "1", "--out"), "*/candidate-0.json"),
    "pool": (("fmn-compare", "--only", "CCA,SM,FMN", "--workers", "2", "--out"), "*/candidate-0.json"),
}


def _group(number):
    """The processes of a group, those apart that are over."""
    found = []
    for process in psutil.process_iter(["status"]):
        with suppress(OSError):
            if os.getpgid(process.pid) == number and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.parametrize(
    ("what", "sent", "to_all"),
    [("descent", signal.SIGTERM, False), ("comparison", signal.SIGTERM, False), ("pool", signal.SIGINT, True)],
)
def test_the_first_signal_ends_a_fitting_and_keeps_what_is_done(line, tmp_path, what, sent, to_all):
    (name, *options), first = FITTINGS[what]
    out = tmp_path / "out"
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    how = {"cwd": line.folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([program, "cache/", *options, str(out)], start_new_session=True, **how)
    while process.poll() is None and not list(out.glob(first)):
        time.sleep(0.05)
    (os.killpg if to_all else os.kill)(process.pid, sent)  # a terminal tells all of them
    said, wrong = process.communicate(timeout=300)
    assert process.returncode == 128 + sent, wrong
    assert "Stopping after what is being done now" in wrong and wrong.endswith("What is finished is kept.\n")
    assert "Traceback" not in said + wrong and not (out / "summary.csv").exists()
    deadline = time.monotonic() + 60
    while (stay := _group(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not stay
    if what == "descent":
        with safe_open(out / "last.safetensors", framework="np") as file:
            epochs = json.loads(file.metadata()["progress"])["epoch"]
        assert len((out / "history.csv").read_text().splitlines()) == epochs + 1
        assert json.loads((out / "run.json").read_text())["status"] == "running"
