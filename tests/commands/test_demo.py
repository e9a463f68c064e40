"""fmn-demo: what it says before it begins."""

import pytest
from click.testing import CliRunner

from fmn.commands.demo import FULL, SMALL, main, minutes


def test_the_minutes_are_those_of_the_size():
    assert 0 < minutes(SMALL) < minutes(FULL)


@pytest.mark.parametrize("name", ["page.html", "recall.csv", "notes.txt"])
def test_a_folder_of_somebody_elses_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    done = CliRunner().invoke(main, ["--out", str(tmp_path)])
    assert done.exit_code == 2 and "wants a folder of its own" in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
