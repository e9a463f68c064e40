"""Comparisons in processes that are stopped: what is finished is kept, nobody stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from experiment_stubs import stopped

from fmn.train.experiments.comparison import compare


def start(cache, folder, at, stop):
    script = (
        "import sys\n"
        "if __name__ == '__main__':\n"
        f"    sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "    import experiment_stubs\n"
        f"    experiment_stubs.run_stopped({str(cache.path)!r}, {str(folder / 'out')!r}, {str(folder / 'turns')!r}, "
        f"{at}, {int(stop)}, 2)\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)


def still_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_comparison_goes_on_and_ends_in_the_same_table(cache, tmp_path, stop):
    ended = start(cache, tmp_path, 3, stop)  # the fitting that was under way would have taken longer than this waits
    assert ended.returncode == -stop if stop == signal.SIGKILL else "Stopped: SIGINT" in ended.stderr
    deadline = time.monotonic() + 20
    workers = {int(path.name) for path in (tmp_path / "turns").glob("*/*")}
    while any(still_there(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(still_there(pid) for pid in workers) and os.getpid() not in workers
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/candidate-*.json")}
    assert kept and not (tmp_path / "out" / "summary.csv").exists()

    again = stopped(tmp_path / "turns", 3, stop)
    compare(cache, tmp_path / "out", systems=[again], seeds=5, ks=(1, 3), workers=1)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    whole = stopped(tmp_path / "other", -1, stop)
    compare(cache, tmp_path / "whole", systems=[whole], seeds=5, ks=(1, 3), workers=1)
    texts = [(tmp_path / name / "summary.csv").read_text() for name in ("out", "whole")]
    assert texts[0].replace(str(tmp_path / "turns"), "").replace('"at"": 3', '"at"": -1') == texts[1].replace(
        str(tmp_path / "other"), ""
    )
