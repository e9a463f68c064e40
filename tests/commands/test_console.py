"""What the commands print, and which arguments they refuse."""

import pytest
from click.testing import CliRunner

from fmn.commands.evaluate import main, parse_ks
from fmn.commands.search import show_hits
from fmn.errors import InputError
from fmn.retrieval.search import Hit


def test_in_a_pipe_each_hit_is_one_line_with_its_path_as_it_is(tmp_path, capsys):
    there = tmp_path / ("long" * 40) / "c:100:d [cut].mp4"
    there.parent.mkdir()
    there.touch()
    gone = tmp_path / "gone.mp4"
    hits = [Hit(n, 0.5, path.name, str(path), "cut", "test", "") for n, path in enumerate((there, gone), start=1)]
    show_hits(tmp_path / "q:100:.wav", "audio", hits, ["untrained :100:."])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert sum(line.endswith(f" {there}") for line in lines) == 1
    assert sum(line.endswith(f" {gone} (missing)") for line in lines) == 1
    assert any("q:100:.wav" in line for line in lines) and "Warning: untrained :100:." in lines


@pytest.mark.parametrize("text", ["0", "1,1000001", "1" * 30, "1" * 5000, "x"])
def test_ks_out_of_range_are_refused(text):
    assert parse_ks("25,1,1000000") == [1, 25, 1_000_000]
    with pytest.raises(InputError, match="whole numbers"):
        parse_ks(text)


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_a_folder_for_a_report_is_refused_before_anything_is_loaded(option, tmp_path):
    done = CliRunner().invoke(main, [option, str(tmp_path), "--run", str(tmp_path / "none")])
    assert done.exit_code == 2 and "is a folder: name a file in it." in done.stderr
