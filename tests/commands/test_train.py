"""fmn-train as typed: options that would do nothing, and the paper's letter."""

import json

import pytest
from click.testing import CliRunner

from fmn.commands.train import main


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--negatives", "hardest"], "--negatives is of the paper's own network: give --as-printed"),
        (["--seed", "1", "--epochs", "3"], "--epochs, --seed is of the paper's own network"),
        (["--as-printed", "--kernel", "rbf", "--only-fit"], "--kernel, --only-fit is of a memory of items"),
        (["--as-printed", "--triplet", "0", "--negatives", "hardest"], "--triplet 1"),
        (["--kernel", "rbf"], "nowhere"),
        (["--as-printed", "--negatives", "hardest"], "nowhere"),
    ],
)
def test_options_that_would_do_nothing_are_refused(tmp_path, options, said):
    done = CliRunner().invoke(main, [str(tmp_path / "nowhere"), "--run", str(tmp_path / "run"), *options])
    assert done.exit_code == 2 and said in done.stderr and not (tmp_path / "run").exists()


def test_the_papers_letter_is_fitted_by_descent(line, commands, tmp_path):
    run = tmp_path / "run"
    said = commands.run(
        "fmn-train", "cache/", "--as-printed", "--epochs", "3", "--run", run, cwd=line.folder, check=0
    ).stdout
    assert "3 epochs" in said and "curve.png" in said and (run / "curve.png").is_file()
    facts = json.loads((run / "run.json").read_text())
    assert facts["kind"] == "fmn" and facts["config"]["beta"] == -1.0
    commands.run("fmn-eval", "--run", run, cwd=line.folder, check=0)
    done = commands.run("fmn-eval", "--run", run, "--index-gallery", cwd=line.folder)
    assert done.returncode == 2 and "Only a memory of items absorbs a gallery" in done.stderr


def test_an_indexed_gallery_stands_in_the_table_and_the_file(line, commands, tmp_path):
    said = commands.run("fmn-eval", "--index-gallery", "--csv", tmp_path / "r.csv", cwd=line.folder, check=0).stdout
    assert "gallery indexed" in said and "before any query was asked" in " ".join(said.split())
    rows = (tmp_path / "r.csv").read_text().splitlines()
    assert {row.rsplit(",", 1)[1] for row in rows[1:]} == {"fixed", "gallery", "both"}
