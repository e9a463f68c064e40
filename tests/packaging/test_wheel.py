"""Wheel and sdist are built from a copy of the checkout; the wheel is installed and the three commands run from it.

Nothing is downloaded: setuptools builds, and the new environment borrows the packages that the tests themselves use.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("cache", "datasets", "demo", "extract", "fmn", "retrieval", "speech", "train")
FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "fmn_retrieval.py")


def build(source, out, kind):
    """The wheel or sdist of a source tree, by setuptools alone."""
    out.mkdir(exist_ok=True)
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from the sdist, which is all that a stranger has."""
    folder = tmp_path_factory.mktemp("built")
    checkout = folder / "checkout"
    for part in PARTS:
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__", "*.h5", "*.json"))
    for name in FILES:
        shutil.copy(ROOT / name, checkout / name)
    first = build(checkout, folder / "first", "wheel")
    with tarfile.open(build(checkout, folder / "sdist", "sdist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    second = build(unpacked, folder / "second", "wheel")
    assert sorted(zipfile.ZipFile(first).namelist()) == sorted(zipfile.ZipFile(second).namelist())
    return second


@pytest.fixture(scope="module")
def home(wheel, tmp_path_factory):
    """An environment with the wheel, and nothing of the checkout in sight."""
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "env", symlinks=True)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "env" / "bin" / "python")]
    done = subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def run(home, *words):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{home / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}", "FMN_OFFLINE": "1"}
    return subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True)


def test_everything_is_in_the_wheel(wheel):
    there = set(zipfile.ZipFile(wheel).namelist())
    code = {path.relative_to(ROOT) for part in PARTS for path in (ROOT / part).rglob("*.py")}
    assert {str(path) if path.parts[0] == "fmn" else f"fmn/{path}" for path in code} | {"fmn_retrieval.py"} == {
        name for name in there if name.endswith(".py")
    }
    assert {"fmn/py.typed", "fmn/cache/README.md", "fmn/extract/weights/kinetics400.txt"} <= there
    assert wheel.name.startswith("fmn_retrieval-")


@pytest.mark.parametrize("command", ["fmn-extract", "fmn-train", "fmn-eval"])
def test_the_three_commands_help_from_the_wheel(home, command):
    done = run(home, command, "--help")
    assert done.returncode == 0 and f"Usage: {command}" in done.stdout, done.stderr


def test_the_line_runs_from_the_wheel(home, small_set, voice):
    small_set(home)
    for words in (
        "fmn-extract videos/ audio/ --video-weights random:0 --short-side 40 --crop 32 --workers 0"
        f" --audio-weights {voice}",
        "fmn-train cache/",
        "fmn-eval --recall 1",
    ):
        done = run(home, *words.split())
        assert done.returncode == 0, done.stdout + done.stderr
    assert (home / "runs" / "001" / "best.safetensors").is_file()
    where = run(home, "python", "-c", "import fmn.cache; print(fmn.cache.__file__)").stdout.strip()
    assert Path(where).is_relative_to(home / "env")
    hint = run(home, "python", "-c", "from fmn.install import hint; print(hint('zoo'))").stdout.strip()
    assert hint == "pip install 'fmn-retrieval[zoo]'"


@pytest.mark.parametrize("foreign", ["x = 1", "raise ImportError('fedora_messaging')", None])
def test_a_foreign_fmn_in_our_place_is_one_sentence(home, foreign, tmp_path):
    """As pip leaves it: the other project's `fmn/__init__.py` over ours, or ours gone with that one."""
    (site,) = (home / "env").glob("lib/python*/site-packages")
    ours = site / "fmn" / "__init__.py"
    kept = ours.read_bytes()
    try:
        ours.unlink() if foreign is None else ours.write_text(foreign, encoding="utf-8")
        done = run(home, "fmn-extract", "--help")
    finally:
        ours.write_bytes(kept)
    assert done.returncode == 2 and not done.stdout and len(done.stderr.splitlines()) == 1, done.stderr
    assert "pip uninstall fmn" in done.stderr and "install fmn-retrieval again" in done.stderr
