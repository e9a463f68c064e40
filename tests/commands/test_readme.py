"""Every command of the README and of the pages it leads to runs, as it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOW_TOS = ("media", "speech", "weights", "cache", "train", "evaluate", "compare", "new_categories")
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in HOW_TOS)]
README, *_ = TEXTS = [page.read_text(encoding="utf-8") for page in PAGES]
BLOCK = r"<!-- run: (\w+) -->\n```(?:sh|python)\n(.*?)```"
BLOCKS = re.findall(BLOCK, "\n".join(TEXTS), re.DOTALL)


@pytest.fixture(scope="module")
def home(commands, begin, tmp_path_factory):
    """A folder such as the README speaks of, in which an extraction was begun."""
    folder = tmp_path_factory.mktemp("readme")
    commands.write_set(folder, clips=3, sounds=3, labels=("circle", "sweep"))
    begin(folder / "cache", "video", "audio")  # the other cache's two clips are seen at full size
    commands.write_clip(folder / "query.mp4", 0, 50)
    commands.write_sound(folder / "query.wav", 0, 50)
    lines = ["modality,path,label,group"]
    for path in sorted(folder.glob("*/circle/[01].*")):  # one recording to fit on is too few: nothing is fitted
        modality = "video" if path.suffix == ".mp4" else "audio"
        lines.append(f"{modality},{path.relative_to(folder)},{path.parent.name},")
    (folder / "set.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def environment():
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "FMN_OFFLINE": "1"}


def test_the_readmes_blocks_run_in_their_order(home, commands):
    """As a shell would read them; in this process, since each would take seconds to start."""
    assert {name for name, _ in BLOCKS} == {"line", "manifest", "python", "speak", "weights"}
    for name, block in BLOCKS:
        if name == "python":
            python = [sys.executable, "-c", block]
            done = subprocess.run(python, cwd=home, env=environment(), capture_output=True, text=True)
            assert done.returncode == 0 and "(6, 6)" in done.stdout, done.stderr
            continue
        for typed in block.strip().splitlines():
            commands.run(*shlex.split(typed, comments=True), cwd=home, check=0)
    for made in ("cache/index.json", "runs/001/run.json", "runs/other/best.safetensors", "report.json", "report.csv"):
        assert (home / made).is_file()


def test_no_page_has_a_block_that_nothing_runs():
    """The block of docs/encoders.md is an encoder, which a test of the encoders adds."""
    marked = {
        page for page in ROOT.glob("docs/**/*.md") if re.search(BLOCK, page.read_text(encoding="utf-8"), re.DOTALL)
    }
    assert marked - {ROOT / "docs" / "encoders.md"} <= set(PAGES)


def test_every_fmn_command_of_the_pages_stands_in_a_block_or_is_explained():
    outside = re.sub(r"```(?:sh|python)\n.*?```", "", "\n".join(TEXTS), flags=re.DOTALL)
    typed = [line.strip() for line in outside.splitlines() if line.startswith("    fmn-")]
    # These need files that nobody ships, or minutes; other tests run them on small sets.
    assert typed == [
        "fmn-extract videos/ audio/ --video-weights RGB.pt,FLOW.pt",
        "fmn-finetune video videos/ audio/ --from kinetics --out fitted-video",
        "fmn-finetune audio videos/ audio/ --out fitted-audio",
        "fmn-extract videos/ audio/ --video-weights fitted-video/rgb.safetensors,fitted-video/flow.safetensors",
        "fmn-compare cache/ --out compare",
        "fmn-extract --manifest set.csv --audio-encoder musicnn",
        "fmn-study cache/ --out study",
        "fmn-digits fsdd/ --out digits-data",
        "fmn-enroll runs/001 new-videos/ new-audio/ --cache cache --out runs/001-more",
        "fmn-eval --held-out-classes 4 --csv new-categories.csv --plot new-categories.png",
        "fmn-eval --update-memory",
    ]


def test_the_make_targets_of_the_readme_are_there():
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make here")
    for target in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        done = subprocess.run([make, "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_what_the_pages_link_to_is_there():
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_a_new_user_need_not_scroll():
    assert len(README.splitlines()) <= 115
    assert README.index("## Three commands") < README.index("weights.md")
