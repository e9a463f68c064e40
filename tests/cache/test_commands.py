import pytest
from click.testing import CliRunner

from fmn import __version__
from fmn.cache import CacheWriter
from fmn.commands.cache import main
from fmn.item import Item


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def test_inspect_shows_what_is_there(cache, run):
    done = run("inspect", cache)
    assert done.exit_code == 0 and done.stderr == ""
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "features dim items train val test labels minutes padded" in lines
    assert "video i3d 6 5 3 0 2 2 0.1 2" in lines
    assert "audio bilstm 6 3 0 0 3 1 0.1 0" in lines
    assert "cut 3 2" in lines and "seed 7" in lines
    assert "audio bad.wav: The file has no samples." in lines
    assert "Warning: audio encoder: untrained." in lines


def test_inspect_counts_what_was_done_to_items(cache, row, run):
    assert "what was done" not in run("inspect", cache).stdout
    with CacheWriter(cache) as writer:
        writer.add("i3d", [row(f"w{n}.mp4", notes=("deinterlaced",)) for n in range(3)])
    lines = [" ".join(line.split()) for line in run("inspect", cache).stdout.splitlines()]
    assert "video i3d: what was done before items" in lines and "deinterlaced 3" in lines


def test_inspect_names_ten_failures_and_counts_the_rest(cache, run):
    with CacheWriter(cache) as writer:
        for n in range(12):
            writer.fail(Item(f"broken-{n:02d}.mp4", "video", "/x"), "There is no picture.")
    shown = run("inspect", cache).stdout
    assert "Failed items: 13" in shown and "broken-08.mp4" in shown
    assert "broken-09.mp4" not in shown and "... and 3 more" in shown


def test_names_are_shown_as_they_are(cache, row, run):
    with CacheWriter(cache) as writer:
        writer.add("i3d", [row("[red]\udcff", label="[bold]倒水")])
        writer.fail(Item("[/x]\udcfe", "video", "/x"), "Broken [sic].")
    done = run("inspect", cache)
    assert done.exit_code == 0 and "[bold]倒水" in done.stdout
    assert "[/x]\\udcfe: Broken [sic]." in done.stdout


def test_verify_and_repair(cache, run):
    assert (run("verify", cache).exit_code, run("verify", cache).stdout) == (0, f"The cache {cache} is sound.\n")
    path = next(cache.glob("video-*.h5"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert run("verify", cache).exit_code == 1
    assert run("repair", cache).stdout == f"Mended {path.name}: nothing of it is lost.\nThe cache {cache} is sound.\n"
    path.write_bytes(b"x" + whole[1:-9] + b"x" + whole[-8:])  # in two places
    done = run("verify", cache)
    assert done.exit_code == 1 and path.name in done.stdout and f"fmn-cache repair {cache}" in done.stdout
    done = run("inspect", cache)
    assert done.exit_code == 2 and done.stderr.startswith(f"Error: The shard {path.name} is damaged")
    done = run("repair", cache)
    assert done.exit_code == 0 and f"Removed {path.name}" in done.stdout and "5 items are gone" in done.stdout
    assert run("verify", cache).exit_code == 0


def test_the_default_is_the_folder_cache(cache, run, monkeypatch):
    monkeypatch.chdir(cache.parent)
    assert run("verify").stdout == "The cache cache is sound.\n"


@pytest.mark.parametrize("word", ["inspect", "verify", "repair"])
def test_no_cache_is_one_sentence(tmp_path, run, word):
    done = run(word, tmp_path)
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith("Error: Not a feature cache: ") and done.stderr.count("\n") == 1


def test_version_and_help(run):
    assert run("--version").stdout == f"fmn-cache {__version__}\n"
    assert "repair" in run("-h").stdout and run("verify", "--help").exit_code == 0
