"""Every command of the README runs, as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fmn.cache import CacheWriter, EncoderRecord
from fmn.extract.networks.bilstm import load_bilstm

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- run: (\w+) -->\n```(?:sh|python)\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def home(commands, tmp_path_factory):
    """A folder such as the README speaks of, in which an extraction was begun: full-size clips take long enough."""
    folder = tmp_path_factory.mktemp("readme")
    commands.write_set(folder, clips=3, sounds=3, labels=("circle", "sweep"))
    begin(folder / "cache", commands.voice)
    commands.write_clip(folder / "query.mp4", 0, 50)
    commands.write_sound(folder / "query.wav", 0, 50)
    lines = ["modality,path,label,group"]
    for path in sorted(folder.glob("*/circle/[01].*")):  # one recording to fit on is too few: nothing is fitted
        modality = "video" if path.suffix == ".mp4" else "audio"
        lines.append(f"{modality},{path.relative_to(folder)},{path.parent.name},")
    (folder / "set.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def begin(cache, voice):
    """What an interrupted extraction leaves: its Bi-LSTM, small here. At full width ten passes take three minutes."""
    with CacheWriter(cache) as writer:
        shutil.copy(voice, cache)
        weights = {
            "source": "begun",
            "files": {"bilstm": voice.name},
            "sha256": {"bilstm": load_bilstm(voice).sha256()},
        }
        asked = {"weights": "fitted", "seed": 0}
        writer.declare(EncoderRecord("audio", "bilstm", 16, {}, weights, notes={"asked": asked}))


def environment():
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "FMN_OFFLINE": "1"}


def test_the_readmes_blocks_run_in_their_order(home):
    assert {name for name, _ in BLOCKS} == {"line", "manifest", "python", "speak", "weights"}
    for name, block in BLOCKS:
        if name == "python":
            python = [sys.executable, "-c", block]
            done = subprocess.run(python, cwd=home, env=environment(), capture_output=True, text=True)
            assert done.returncode == 0 and "(6, 6)" in done.stdout, done.stderr
            continue
        for typed in block.strip().splitlines():
            done = subprocess.run(typed, shell=True, cwd=home, env=environment(), capture_output=True, text=True)
            assert done.returncode == 0, f"$ {typed}\n{done.stdout}{done.stderr}"
    for made in ("cache/index.json", "runs/001/curve.png", "runs/other/best.safetensors", "report.json", "report.csv"):
        assert (home / made).is_file()


def test_every_fmn_command_of_the_readme_stands_in_a_block_or_is_explained():
    outside = re.sub(r"```(?:sh|python)\n.*?```", "", README, flags=re.DOTALL)
    typed = [line.strip() for line in outside.splitlines() if line.startswith("    fmn-")]
    # These need files that nobody ships, or minutes; other tests run them on small sets.
    assert typed == [
        "fmn-import mpii-cooking2 attributesAnnotations_MPII-Cooking-2.mat videos/ --paper-protocol",
        "fmn-extract videos/ audio/ --video-weights RGB.pt,FLOW.pt",
        "fmn-finetune video videos/ audio/ --from kinetics --out fitted-video",
        "fmn-finetune audio videos/ audio/ --out fitted-audio",
        "fmn-extract videos/ audio/ --video-weights fitted-video/rgb.safetensors,fitted-video/flow.safetensors",
        "fmn-compare cache/ --out compare",
        "fmn-extract --manifest set.csv --audio-encoder musicnn",
        "fmn-study cache/ --out study",
        "fmn-digits fsdd/ --out digits-data",
        "fmn-enroll runs/001 new-videos/ new-audio/ --cache cache --out runs/001-more",
        "fmn-eval --held-out-classes 4 --csv new-kinds.csv --plot new-kinds.png",
        "fmn-eval --update-memory",
    ]


def test_the_make_targets_of_the_readme_are_there():
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make here")
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        done = subprocess.run([make, "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_documents_of_the_readme_are_there():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
