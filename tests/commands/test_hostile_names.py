"""Names with escape sequences, markup and line breaks: literally in every output, as text in every page."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

import fmn
from fmn.cache import CacheWriter, EncoderRecord
from fmn.cache.row import Row
from fmn.commands import cache, enroll, extract, finetune, importing, train
from fmn.commands.console import PlainConsole
from fmn.commands.search import show_hits
from fmn.extract.items.manifest import read_manifest
from fmn.item import Item
from fmn.retrieval.search import Hit

EVIL = "\x1b[31mred\x07\x1b]0;title\x07[bold]b[/bold]\r\u202e:smile:\udce9"
SAID = "\\x1b[31mred\\x07\\x1b]0;title\\x07[bold]b[/bold]\\r\\u202e:smile:\\udce9"
COMMANDS = Path(fmn.__file__).parent / "commands"


def clean(text):
    """Whether a terminal shows all of it as it is."""
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)


@pytest.fixture
def evil_cache(tmp_path):
    record = EncoderRecord("video", "i3d", 4, {}, {"source": EVIL}, warning=f"untrained {EVIL}")
    rows = [
        Row(Item(f"{EVIL}\n{n}", "video", f"/media/{n}", label=EVIL, split="train"), np.ones(4, np.float32), 1.0, 1, 0)
        for n in range(2)
    ]
    with CacheWriter(tmp_path / "cache") as writer:
        writer.declare(record)
        writer.describe(rule=EVIL)
        writer.add("i3d", rows)
        writer.fail(Item(f"=x{EVIL}", "video", f"/m/<b>{EVIL}.mp4"), f"/m/<b>{EVIL}.mp4: is silent ({EVIL}<i>)")
    return tmp_path / "cache"


def test_a_table_shows_names_as_they_are(capsys):
    console = PlainConsole(width=200)
    table = Table(EVIL, title=EVIL)
    table.add_row(EVIL)
    table.add_row(Text("text \x1b[2J"))
    console.print(table)
    console.print(EVIL, Text.assemble(("bold", "bold"), EVIL))
    said = capsys.readouterr().out
    assert clean(said) and said.count(SAID) == 4 and "text \\x1b[2J" in said


def test_in_a_terminal_the_only_sequences_are_our_own(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    PlainConsole(width=200).print(Text("ours", style="bold"), EVIL)
    said = capsys.readouterr().out
    assert "\x1b[1mours\x1b[0m" in said and SAID in said and "\x07" not in said and "\x1b[31m" not in said


@pytest.mark.parametrize("what", ["inspect", "verify", "failures"])
def test_what_is_said_of_a_cache(evil_cache, what):
    done = CliRunner().invoke(cache.main, [what, str(evil_cache)])
    assert done.exit_code == 0 and clean(done.output), repr(done.output)
    assert what == "verify" or "\\x1b[31mred" in done.output


def test_hits_of_a_search(capsys):
    show_hits(Path(f"{EVIL}\n.wav"), "audio", [Hit(1, 0.5, EVIL, f"/m/{EVIL}\n.mp4", EVIL, "test", "")], [EVIL])
    said = capsys.readouterr().out
    assert clean(said) and f"/m/{SAID}\\n.mp4" in said and "[bold]b[/bold]" in said


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (train.main, [f"no {EVIL}"]),
        (train.main, [f"--{EVIL}"]),
        (train.main, ["--epochs", EVIL]),
        (cache.main, [EVIL]),
        (cache.main, ["verify", EVIL]),
        (finetune.main, ["audio", EVIL]),
        (extract.main, [f"no {EVIL}\nlines"]),
        (extract.main, ["x", "--scheduler", EVIL]),
        (enroll.main, [EVIL, "a", "b"]),
    ],
)
def test_sentences_of_errors(main, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2 and clean(done.stderr), repr(done.stderr)
    assert "x1b[31mred" in done.stderr


def test_an_import_of_such_folders_is_harmless_and_reads_back(tmp_path):
    name = "-e\x1b[31m[b]\u202e"
    for place in (f"videos/{name}/=1.mp4", f"audio/{name}/=1.wav"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
    out = tmp_path / "m.csv"
    arguments = ["folder", str(tmp_path / "videos"), str(tmp_path / "audio"), "--out", str(out)]
    done = CliRunner().invoke(importing.main, arguments)
    assert done.exit_code == 0 and clean(done.output), repr(done.output)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {f"'{name}"}
    assert {(item.label, Path(item.path).exists()) for item in read_manifest(out).items} == {(name, True)}


def test_every_command_prints_by_the_one_console():
    for file in COMMANDS.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        if file.name != "console.py":
            assert "rich.console import" not in text and "rich.markup" not in text, file.name
        if file.name != "shell.py":  # an empty line, or JSON, which has escapes of its own
            plain = re.findall(r"click\.echo\((?!json|\)|err)(.*)", text)
            assert not plain, (file.name, plain)
