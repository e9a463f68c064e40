"""The README's promise: the shards can be read with h5py alone."""

import re
import subprocess
import sys
from pathlib import Path

import fmn.cache
from fmn.cache.index import ShardEntry
from fmn.cache.shard import NUMBERS, TEXT

README = (Path(fmn.cache.__file__).parent / "README.md").read_text()


def test_the_snippet_runs_as_it_stands(cache):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert "fmn" not in re.sub("#.*", "", snippet)
    done = subprocess.run([sys.executable, "-I", "-c", snippet], cwd=cache.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "5 videos, 6 numbers each, 2 labels, first v0.mp4\n"), done.stderr


def test_every_dataset_and_shard_key_is_described():
    for name in ("features", *TEXT, *NUMBERS, *ShardEntry.__dataclass_fields__):
        assert f"`{name}`" in README
