"""Cells that a spreadsheet would run are harmless in every table, and come back as they were where fmn reads them."""

import csv
from dataclasses import asdict

import pytest

from fmn.cache import CacheWriter
from fmn.extract.items.manifest import PLAN_FILE, known_splits, read_manifest, write_plan
from fmn.item import Item
from fmn.manifest import COLUMNS, read_rows, write_manifest
from fmn.tables import MARK, as_csv, as_meant, columns_meant, harmless
from fmn.train.experiments.experiment_folder import write_csv

RISKY = (
    '=HYPERLINK("http://x","y")',
    "+43 1 5",
    "-rm",
    "-",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1",
    "\nx",
    "  =1+1",
    "＝1+1",
    "'=1",
    "''@x",
    "-1.5.2",
    "+1e",
    "-१",
)
PLAIN = ("-1.5", "+3", "-2e-5", "-.5", "a=b", "", "'", "'quoted'", "it's", " x", "pour water", "7", "ö-x")


@pytest.mark.parametrize("text", RISKY)
def test_a_formula_gets_an_apostrophe(text):
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("value", [*PLAIN, -1.5, -3, None, True])
def test_all_else_stays_as_it_is_and_numbers_stay_numbers(value):
    assert harmless(value) is value


def test_a_table_has_nothing_where_nothing_is_known():
    assert as_csv(("a", "b"), [{"a": None}, {"b": 0.5}], newline="\n") == "a,b\n,\n,0.5\n"
    assert as_csv(("a",), [{"a": -1.5}], read_again=True) == "a\r\n-1.5\r\n"  # nothing was changed, so nothing is said
    with pytest.raises(ValueError, match="b"):
        as_csv(("a",), [{"b": "x"}])


def test_what_is_read_again_comes_back_exactly(tmp_path):
    columns = ["=head", "'=head", "plain"]
    rows = [dict.fromkeys(columns, text) for text in (*RISKY, *PLAIN)]
    (tmp_path / "t.csv").write_text(as_csv(columns, rows, read_again=True), encoding="utf-8", newline="")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.reader(file))
    assert not [cell for line in cells for cell in line if cell.lstrip()[:1] in tuple("=@＝")]
    assert columns_meant(cells[0]) == columns
    assert [as_meant(dict(zip(cells[0], line, strict=True))) for line in cells[1:]] == rows


def test_a_table_from_elsewhere_is_read_as_it_is(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("id,modality,path,label,'=x\n'=a,video,-a.mp4,=b,'-c\n", encoding="utf-8")
    columns, ((_, values, item),) = read_rows(path)
    assert columns[-1] == "'=x" and values["'=x"] == "'-c" and (item.id, item.label) == ("'=a", "=b")


def test_a_cache_s_manifest_is_harmless_and_read_back(tmp_path):
    items = [
        Item(f"{text}{n}", modality, f"/media/{n}", label=text, split="train", pair=text, text=text, extra={"=f": text})
        for modality in ("video", "audio")
        for n, text in enumerate(("=cmd|' /C calc'!A0", "-rm -rf", "@x", "'=already", "fine", "-1.5"))
    ]
    with CacheWriter(tmp_path) as writer:
        write_plan(writer, items)
    text = (tmp_path / PLAN_FILE).read_text(encoding="utf-8")
    assert MARK in text and ",=" not in text and "\n=" not in text and "\n@" not in text
    assert [asdict(item) for item in read_manifest(tmp_path / PLAN_FILE).items] == [asdict(item) for item in items]
    assert known_splits(tmp_path) == {(item.modality, item.id): "train" for item in items}


def test_a_manifest_written_from_one_that_was_read_has_one_apostrophe(tmp_path):
    first = write_manifest(tmp_path / "a.csv", COLUMNS, [{"modality": "video", "path": "-a.mp4", "label": "=x"}])
    columns, rows = read_rows(first)
    second = write_manifest(tmp_path / "b.csv", columns, (row.values for row in rows))
    assert columns == list(COLUMNS) and second.read_bytes() == first.read_bytes()


def test_results_are_harmless_too(tmp_path):
    write_csv(tmp_path, "t.csv", [{"system": "=x", "mAP": -0.5, "error": "@y"}, {"system": "FMN", "mAP": float("nan")}])
    assert (tmp_path / "t.csv").read_text() == "system,mAP,error\n'=x,-0.5,'@y\nFMN,,\n"
