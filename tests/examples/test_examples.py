"""The examples run as they stand, on tiny media, and stay short."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name, *arguments, cwd):
    program = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(program, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return folder, run("own_features.py", "cache", cwd=folder)


def test_own_features_become_a_cache(own):
    assert own[1] == ["(60, 24) videos, (60, 16) recordings. Next: fmn-train cache"]


def test_two_retrievers_are_compared_on_it(own):
    said = run("train_and_evaluate.py", "cache", cwd=own[0])
    assert [line.split()[0] for line in said] == ["with-memory"] * 2 + ["without-memory"] * 2
    # Drawn so that both find nearly everything: a mAP at chance would mean that the two modalities do not meet.
    assert all(float(line.split("mAP ")[1].split()[0]) > 0.7 for line in said), said
    assert run("train_and_evaluate.py", "cache", cwd=own[0]) == said


def test_media_are_extracted_and_searched(tmp_path, small_set, begin):
    small_set(tmp_path)
    begin(tmp_path / "example" / "cache", "audio")
    said = run("extract_and_search.py", "videos", "audio", "audio/rise/0.wav", cwd=tmp_path)
    assert said[0] == "16 items extracted, 0 failed"
    assert len(said) == 6 and said[1].startswith("1. S = ") and said[1].endswith(".mp4")


def test_there_are_three_and_they_are_short():
    files = sorted(EXAMPLES.glob("*.py"))
    assert [path.name for path in files] == ["extract_and_search.py", "own_features.py", "train_and_evaluate.py"]
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 60 for path in files)
