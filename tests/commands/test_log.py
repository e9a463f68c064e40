"""--log-json: every line is an object with the fields that docs/logs.md names, and the last one tells the end."""

import json
import re
import signal
from datetime import datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fmn.commands.log import counted, log_option
from fmn.commands.progress import Bars
from fmn.commands.shell import command, echo
from fmn.errors import InputError
from fmn.item import Item
from fmn.stopping import Stopped

DOCS = Path(__file__).parents[2] / "docs" / "logs.md"
EVIL = Item("\x1b[31m\nid\udce9", "video", "/m/\udce9.mp4", label="x")


@command("fmn-tried")
@click.option("--end", default="well")
@log_option
def tried(end):
    """What a command does with its bars, and how it ends."""
    with Bars() as bars:
        bars.say("One sentence.")
        bars.stage("first", 3)
        bars.step(2, 1)
        bars.item(EVIL)
        bars.item(EVIL, "it is silent")
        bars.note("accuracy 50 %")
        bars.stage("second", 1)
        bars.step()
    counted(failed=1, mAP=None)
    echo("a failed item", err=True)
    if end == "badly":
        raise InputError("Needs a rule, got \x1b.")
    if end == "term":
        raise Stopped(signal.SIGTERM)
    if end == "defect":
        raise ValueError("odd")
    if end == "one":
        click.get_current_context().exit(1)


def documented():
    """Event -> the fields that its line of the table names, and those of every line."""
    table = DOCS.read_text(encoding="utf-8").split("`counts`, as far")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| (.*) \|$", table, re.MULTILINE)
    fields = {event: set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", told))) for event, told in rows}
    fields["item_failed"] |= fields["item_done"]
    return {event: names | {"time", "event", "command"} for event, names in fields.items()}


def read(text):
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert set(line) == documented()[line["event"]], line
        assert datetime.fromisoformat(line["time"]).tzinfo and line["command"] == "fmn-tried"
    assert text.isascii() and text.endswith("\n")
    return lines


def run(*arguments):
    return CliRunner().invoke(tried, list(map(str, arguments)))


def test_every_event_is_a_line_with_the_documented_fields(tmp_path):
    done = run("--log-json", tmp_path / "deep" / "log.jsonl")
    lines = read((tmp_path / "deep" / "log.jsonl").read_text())
    assert [line["event"] for line in lines] == [
        "started", "said", "stage", "item_done", "item_failed", "note", "progress", "stage", "progress", "finished",
    ]  # fmt: skip
    assert lines[0]["options"] == {"end": "well"} and lines[1]["text"] == "One sentence."
    assert (lines[4]["id"], lines[4]["path"], lines[4]["reason"]) == (EVIL.id, EVIL.path, "it is silent")
    first, second = lines[6], lines[8]
    assert (first["stage"], first["done"], first["total"], first["failed"]) == ("first", 2, 3, 1)
    assert first["rate"] > 0 and first["eta"] >= 0 and second["eta"] == 0 and second["done"] == second["total"] == 1
    assert lines[-1]["exit_code"] == 0 and lines[-1]["counts"] == {"failed": 1, "mAP": None}
    assert "first: 3 to do" in done.stderr and "a failed item" in done.stderr  # a person is told as ever


@pytest.mark.parametrize(
    ("end", "event", "code", "more"),
    [
        ("well", "finished", 0, {}),
        ("one", "finished", 1, {}),
        ("badly", "error", 2, {"sentence": "Needs a rule, got \\x1b."}),
        ("term", "stopped", 143, {"signal": "SIGTERM"}),
        ("defect", "error", 70, {}),
    ],
)
def test_the_end_is_the_last_line_and_the_same_exit_code(end, event, code, more, tmp_path):
    for place in (tmp_path / "log", "-"):
        done = run("--end", end, "--log-json", place)
        text = done.stderr if place == "-" else place.read_text()
        last = read(text)[-1]
        assert (last["event"], last["exit_code"], done.exit_code) == (event, code, code)
        assert more.items() <= last.items() and last["counts"]["failed"] == 1
        assert ("\nError: " in f"\n{done.stderr}") == (place != "-" and code > 1)


def test_on_stderr_there_is_nothing_else():
    lines = read(run("--log-json", "-").stderr)
    assert [line["text"] for line in lines if line["event"] == "said"] == ["One sentence.", "a failed item"]


def test_a_log_is_added_to_and_a_cut_line_is_ended(tmp_path):
    log = tmp_path / "log"
    log.write_text('mine\n{"cut')
    run("--log-json", log)
    whole = log.read_text()
    run("--log-json", log)
    assert whole.startswith('mine\n{"cut\n{"time"') and log.read_text().startswith(whole)
    assert log.read_text().count('"finished"') == 2


def test_a_place_that_takes_no_log_is_refused_before_anything_is_done(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "log"):
        done = run("--log-json", place)
        assert done.exit_code == 2 and "name another --log-json" in " ".join(done.stderr.split())
        assert "One sentence" not in done.stderr


def test_a_full_disk_is_a_sentence():
    done = run("--log-json", "/dev/full")
    assert done.exit_code == 2 and "The disk is full: /dev/full" in done.stderr


def test_a_real_process_has_nothing_else_on_stderr(commands, tmp_path):
    done = commands.start("fmn-train", "none", "--log-json", "-", cwd=tmp_path, check=2)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["started", "error"] and done.stdout == ""
    assert lines[-1]["sentence"].startswith("Not a feature cache") and lines[-1]["exit_code"] == 2


def test_a_real_extraction_tells_of_every_item(commands, tmp_path):
    commands.write_set(tmp_path, clips=4, sounds=4, labels=("circle", "sweep"))
    (tmp_path / "audio" / "circle" / "zero.wav").write_bytes(b"")
    typed = ("fmn-extract", "videos/", "audio/", *commands.small, "--quiet", "--log-json")
    done = commands.run(*typed, "-", cwd=tmp_path, check=1)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == "" and (lines[0]["event"], lines[-1]["event"]) == ("started", "finished")
    read_ones = [line for line in lines if line["event"] == "item_done" and line["stage"] == "video -> i3d"]
    assert {Path(line["path"]).name for line in read_ones} == {f"{n}.mp4" for n in range(4)} and len(read_ones) == 8
    (failed,) = [line for line in lines if line["event"] == "item_failed"]
    assert failed["id"] == "circle/zero.wav" and "empty (0 bytes)" in failed["reason"]
    counts = lines[-1]["counts"]
    assert (counts["extracted"], counts["failed"]) == ({"audio": 8, "video": 8}, 1)
    commands.run(*typed, "log", cwd=tmp_path, check=1)
    again = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert again[-1]["counts"]["reused"] == {"audio": 8, "video": 8} and again[0]["options"]["videos"] == "videos"
    commands.run("fmn-train", "cache", "--log-json", "log", cwd=tmp_path, check=0)
    last = json.loads((tmp_path / "log").read_text().splitlines()[-1])
    assert (last["command"], last["event"], last["counts"]["run"]) == ("fmn-train", "finished", "runs/001")
