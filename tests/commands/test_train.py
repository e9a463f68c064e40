"""fmn-train as typed: options that would do nothing."""

from click.testing import CliRunner

from fmn.commands.train import main


def test_negatives_without_triplets_are_refused(tmp_path):
    nowhere, run = str(tmp_path / "nowhere"), str(tmp_path / "run")
    done = CliRunner().invoke(main, [nowhere, "--run", run, "--negatives", "hardest"])
    assert done.exit_code == 2 and "--triplet 1" in done.stderr
    for options in (["--triplet", "1"], ["--as-printed"]):
        done = CliRunner().invoke(main, [nowhere, "--run", run, "--negatives", "hardest", *options])
        assert done.exit_code == 2 and "nowhere" in done.stderr and "--triplet" not in done.stderr
