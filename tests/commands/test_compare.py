"""fmn-compare as typed: the table, the files, the exit codes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from fmn.cache import CacheWriter, EncoderRecord, Row
from fmn.commands.compare import main
from fmn.commands.study import main as study
from fmn.item import Item


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with ./cache: 3 categories, 6 clips and recordings each."""
    folder, random = tmp_path_factory.mktemp("comparing"), np.random.default_rng(0)
    with CacheWriter(folder / "cache") as writer:
        writer.describe(seed=0)
        for modality, name in (("video", "i3d"), ("audio", "bilstm")):
            writer.declare(EncoderRecord(modality, name, 8, {}, {"source": "test", "sha256": {}}, warning="untrained"))
            rows = []
            for category in range(3):
                for n in range(6):
                    features = random.normal(size=8) + 4 * np.eye(8)[category]
                    split = "test" if n < 2 else "train"
                    item = Item(f"{category}/{n}", modality, "/nowhere", split=split, label=f"k{category}")
                    rows.append(Row(item, features.astype(np.float32), 1.0, 1, 0))
            writer.add(name, rows)
    return folder


def test_it_prints_the_table_and_leaves_the_files(folder):
    asked = [str(folder / "cache"), "--out", str(folder / "out"), "--seeds", "1", "--recall", "1,2", "--workers", "1"]
    done = CliRunner().invoke(main, [*asked, "--only", "SM, cfa"])
    assert done.exit_code == 0, done.output
    for words in ("SM ", "CFA ", "ceiling", "chance", "Warning: untrained", "val. mAP"):
        assert words in done.stdout
    assert "* CFA" in done.stdout or "* SM" in done.stdout  # the best row is marked
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert {path.name for path in (folder / "out").iterdir()} >= {"table.csv", "summary.csv", "table.tex", "table.png"}
    assert json.loads((folder / "out" / "SM" / "seed-0" / "run.json").read_text())["system"] == "SM"
    assert "fittings: 14/14" in done.stderr
    again = CliRunner().invoke(main, [*asked, "--only", "CFA,SM"])
    assert again.stdout == done.stdout and "fittings: 0 to do" in again.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "VMNet"], "The comparison knows CCA, KCCA"),
        (["--only", ","], "The comparison knows CCA, KCCA"),
        (["--only", "FMN", "--recall", "0"], "--recall takes"),
        (["--only", "FMN", "--workers", "0"], "--workers is from 1"),
        (["--only", "FMN", "--audio-encoder", "musicnn"], "musicnn"),
    ],
)
def test_what_breaks_a_rule_is_a_sentence(folder, options, said):
    done = CliRunner().invoke(main, [str(folder / "cache"), "--out", str(folder / "never"), *options])
    assert done.exit_code == 2 and said in done.stderr and not (folder / "never").exists()


def test_a_study_prints_its_table_and_goes_on(folder):
    asked = [str(folder / "cache"), "--out", str(folder / "study"), "--seeds", "1", "--workers", "1"]
    done = CliRunner().invoke(study, [*asked, "--only", "shrinkage"])
    assert done.exit_code == 0, done.output
    for words in ("default", "shrinkage = 0.4", "test split was not touched", "Warning: untrained"):
        assert words in done.stdout
    assert {path.name for path in (folder / "study").iterdir()} >= {"study.csv", "study.png"}
    again = CliRunner().invoke(study, [*asked, "--only", "shrinkage"])
    assert again.stdout == done.stdout and "fittings: 0 to do" in again.stderr
    nothing = CliRunner().invoke(study, [*asked, "--only", ","])
    assert nothing.exit_code == 2 and "The study has the factors" in nothing.output
    wrong = CliRunner().invoke(study, [*asked, "--only", "colour"])
    assert wrong.exit_code == 2 and "temperature" in wrong.stderr
