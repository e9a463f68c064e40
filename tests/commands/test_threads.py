"""The same features, bit for bit, whatever OMP_NUM_THREADS says and whether workers do the work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from fmn.cache import FeatureCache


def test_calibration_and_features_do_not_depend_on_the_number_of_threads(small_set, commands, tmp_path):
    program = shutil.which("fmn-extract", path=str(Path(sys.executable).parent)) or shutil.which("fmn-extract")
    small_set(tmp_path)
    found = []
    for threads, workers in (("1", "0"), ("2", "0"), ("3", "1")):
        words = [program, "videos", "audio", "--cache", str(tmp_path / threads), "--audio-encoder", "vmnet"]
        words += [*commands.frames, "--flow", "dis", "--workers", workers]
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        cache = FeatureCache(tmp_path / threads)
        vectors = [dict(zip(cache.ids(m), map(bytes, cache.features(m)), strict=True)) for m in ("video", "audio")]
        found.append((cache.encoder("video").fingerprint, vectors))
    assert found[0] == found[1] == found[2]
