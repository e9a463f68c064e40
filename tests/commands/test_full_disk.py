"""A limit on the size of files, as on a full disk: a sentence, and the same command ends well once there is room."""

import resource
from contextlib import contextmanager

import pytest

from fmn.cache.check import verify


@contextmanager
def files_of_at_most(size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


WRITES = {
    "a memory": ("fmn-train", "cache/", "--run", "{out}"),
    "a fitting": ("fmn-train", "cache/", "--run", "{out}", "--as-printed", "--epochs", "2"),
    "a comparison": ("fmn-compare", "cache/", "--out", "{out}", "--only", "CCA", "--workers", "1"),
    "a table": ("fmn-eval", "--csv", "{out}/a.csv", "--json", "{out}/a.json"),
    "an extraction": (
        *("fmn-extract", "videos", "audio", "--cache", "{out}", "--audio-encoder", "vmnet", "--workers", "0"),
        *("--video-weights", "random:0", "--flow", "none", "--short-side", "40", "--crop", "32", "--window", "8"),
    ),
}


@pytest.mark.parametrize("size", [0, 2500])
@pytest.mark.parametrize("what", WRITES)
def test_a_full_disk_is_a_sentence_and_harms_nothing(line, commands, tmp_path, what, size):
    words = [word.format(out=tmp_path / "out") for word in WRITES[what]]
    with files_of_at_most(size):
        done = commands.run(*words, cwd=line.folder)
    if what == "a table" and size:
        assert done.returncode in (0, 2)  # small files
        return
    assert done.returncode == 2 and "Error: A file may not become so large here: " in done.stderr, done.stderr
    assert str(tmp_path / "out") in done.stderr and "run the same command again" in done.stderr
    if (tmp_path / "out" / "index.json").exists():
        assert verify(tmp_path / "out") == []
    assert not list(tmp_path.rglob(".tmp-*"))
    commands.run(*words, cwd=line.folder, check=0)
