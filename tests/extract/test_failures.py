"""Every reason has a kind and an advice, and the report of them is a table and a page that nothing in a name breaks."""

import ast
import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

import fmn.extract
from fmn.cache import CacheWriter
from fmn.cache.index import Failure
from fmn.child import Crash
from fmn.commands.cache import main
from fmn.extract import doctor
from fmn.extract.failures import AGAIN, OTHER, kind_of, troubles
from fmn.extract.guard import reason
from fmn.item import Item

EVIL = "=<b>\x1b[31m\"'&\udce9"


def sentences():
    """Every reason that the sources give to BadItem themselves, its values read as 1."""
    for file in Path(fmn.extract.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "BadItem":
                (text,) = node.args
                if isinstance(text, ast.JoinedStr):
                    yield "".join(part.value if isinstance(part, ast.Constant) else "1" for part in text.values)
                elif isinstance(text, ast.Constant):
                    yield text.value


def test_every_reason_that_is_given_has_a_kind():
    found = list(sentences())
    told = [text for text in found if text.strip("1:. ")]  # what is another error's own words has its kind elsewhere
    assert len(told) > 25 and not [text for text in told if kind_of(text) is OTHER]


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ("it gave no sign of life for 300 s (a file without an end?)", "no end in sight"),
        ("it took more than 8.0 GiB of memory", "too much memory"),
        ("it ended with signal 11 (a crash in the decoder, or out of memory)", "crashed the decoder"),
    ],
)
def test_what_was_lost_has_a_kind(how, name):
    assert kind_of(reason(Crash(how))).name == name
    assert kind_of(reason(ValueError("is silent"))).name == "a defect of fmn"
    assert kind_of("something new") is OTHER


def failed(id, modality, path, why):
    return Failure(id, modality, "", "train", "", path, why)


def test_kinds_come_with_the_commonest_first_and_without_the_path():
    found = troubles(
        [
            failed("b", "audio", "/m/is silent.wav", "/m/is silent.wav: the file does not exist."),
            failed("c", "video", "/m/c.mp4", "/m/c.mp4: is cut off after 1 s: at least 9 bytes are missing."),
            failed("a", "audio", "/m/a  b.wav", "/m/a b.wav: is cut off after 1 s: at least 9 bytes are missing."),
        ]
    )
    assert [(kind.name, [each.failure.id for each in several]) for kind, several in found.items()] == [
        ("cut off", ["a", "c"]),
        ("not there", ["b"]),
    ]
    assert all(each.reason.startswith(("is cut", "the file")) for several in found.values() for each in several)


class Texts(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.said.append(data)


def test_the_report_as_table_and_page(tmp_path):
    with CacheWriter(tmp_path / "cache") as writer:
        for n in range(12):
            path = f"/m/{EVIL}{n}.mp4"
            writer.fail(Item(f"{EVIL}{n}", "video", path, label=EVIL, split="test"), f"{path}: is silent ({EVIL}).")
        writer.fail(Item("gone", "audio", "/m/gone.wav"), "/m/gone.wav: the file does not exist.")
    before = sorted(path.name for path in (tmp_path / "cache").iterdir())
    files = ("--csv", str(tmp_path / "f.csv"), "--html", str(tmp_path / "f.html"))
    done = CliRunner().invoke(main, ["failures", str(tmp_path / "cache"), *files])
    assert done.exit_code == 0 and done.stdout.startswith("silent: 12. ") and "... and 2 more" in done.stdout
    assert "not there: 1. Put the file" in done.stdout and done.stdout.endswith(f"{AGAIN}\n")
    with (tmp_path / "f.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 and rows[0] == {
        "kind": "silent",
        "modality": "video",
        "id": f"'{EVIL}0",
        "path": f"/m/{EVIL}0.mp4",
        "label": f"'{EVIL}",
        "split": "test",
        "reason": f"is silent ({EVIL}).",
        "advice": kind_of("is silent").advice,
    }
    text = (tmp_path / "f.html").read_text(encoding="utf-8")
    page = Texts(text)
    assert not {"b", "script", "link", "img"} & set(page.tags) and "\x1b" not in text and "://" not in text
    assert page.tags.count("h2") == 2 and page.tags.count("li") == 2 + 13 and 'name="viewport"' in text
    assert "/m/=<b>\\x1b[31m\"'&\\udce911.mp4" in page.said and "silent: 12" in page.said
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == before  # the cache stays as it was


def test_the_doctor_counts_by_the_same_kinds(tmp_path):
    with CacheWriter(tmp_path) as writer:
        for n in range(3):
            writer.fail(Item(f"{n}", "audio", f"/m/{n}.wav"), f"/m/{n}.wav: the file does not exist.")
    found = [(each.found, each.advice) for each in doctor._cache(tmp_path) if each.what == "failed items"]
    assert found == [("3 not there", kind_of("does not exist").advice), ("3 in all", f"fmn-cache failures {tmp_path}")]


def test_a_cache_without_failures_says_so(tmp_path):
    with CacheWriter(tmp_path / "cache"):
        pass
    done = CliRunner().invoke(main, ["failures", str(tmp_path / "cache"), "--html", str(tmp_path / "f.html")])
    assert done.exit_code == 0 and "No item of the cache" in done.stdout
    assert "No item failed." in (tmp_path / "f.html").read_text()
    done = CliRunner().invoke(main, ["failures", str(tmp_path / "none")])
    assert done.exit_code == 2 and "Not a feature cache" in done.stderr
