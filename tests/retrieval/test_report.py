"""The report as a reader of the terminal and a reader of the files see it."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from fmn.cache import Failure
from fmn.errors import InputError
from fmn.retrieval.metrics import evaluate
from fmn.retrieval.protocol import Report
from fmn.retrieval.report import as_json, summary_rows, write_csv, write_json
from fmn.retrieval.terminal import render


@pytest.fixture
def report():
    labels = np.repeat(np.arange(20), 15)
    relevance = labels[:, None] == labels
    scores = np.random.default_rng(0).normal(size=(300, 300)) + relevance
    failed = [
        Failure(f"[cut]/{n:02d}.mp4", "video", "cut", "test", "", f"/v/{n}.mp4", "The file is empty.")
        for n in range(12)
    ]
    return Report(
        directions={
            "speech->video": evaluate(scores, relevance, [1, 10, 300], samples=50),
            "video->speech": evaluate(scores.T, relevance.T, [1, 10, 300], failed_queries=12, samples=50),
        },
        split="test",
        relevant="label",
        items={"video": 300, "audio": 300},
        failed=failed,
        left_out={"speech->video": ["a [b].wav"], "video->speech": []},
        warnings=["video encoder: untrained (random:0), so its numbers say nothing about video."],
        facts={
            "cache": "cache",
            "encoders": {"video": {"name": "i3d"}, "audio": {"name": "bilstm"}},
            "run": {"retriever": "fmn", "seed": 3, "history": [1, 2]},
        },
    )


def printed(report, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(report))
    return console.file.getvalue()


def test_eighty_columns_show_every_number_whole(report):
    text = printed(report)
    assert all(len(line) <= 80 for line in text.splitlines()) and "…" not in text
    for name, result in report.directions.items():
        assert name in text
        for k in result["hit_rate"]:
            numbers = []
            for metric in ("hit_rate", "recall"):
                low, high = result[f"{metric}_interval"][k]
                numbers += [f"{100 * result[metric][k]:.2f}", f"({100 * low:.1f}-{100 * high:.1f})"]
                numbers += [f"{100 * result[f'{metric}_{level}'][k]:.2f}" for level in ("ceiling", "chance")]
            assert re.search(r"\s+".join(re.escape(part) for part in (k, *numbers)), text), (name, k)
        assert f"mAP {100 * result['mAP']:.2f}" in text and f"MedR {result['MedR']:g}" in text


def test_the_terminal_says_what_the_numbers_are(report):
    text = " ".join(printed(report).split())
    assert "300 queries, pool of 300 clips" in text
    assert "300 queries (12 more failed), pool of 300 recordings" in text
    assert "at least one relevant item in the top k" in text and "relevant items in the top k / all relevant" in text
    assert "Relevant = same label; test split of cache; video i3d, audio bilstm." in text
    assert "bootstrap over queries (50 samples, seed 0)" in text and "Run: retriever fmn, seed 3." in text
    assert "Warning: video encoder: untrained (random:0)" in text
    assert "12 items failed extraction and count as a miss: clip [cut]/00.mp4: The file is empty." in text
    assert "[cut]/09.mp4" in text and "[cut]/10.mp4" not in text and "and 2 more" in text
    assert "speech->video: 1 query has no right answer in the set and is left out: a [b].wav" in text


def test_json_holds_everything(report, tmp_path):
    write_json(report, tmp_path / "new" / "report.json")
    found = json.loads((tmp_path / "new" / "report.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(as_json(report)))
    assert found["directions"]["speech->video"] == report.directions["speech->video"]
    assert [each["id"] for each in found["failed"]] == [each.id for each in report.failed]
    assert found["left_out"]["speech->video"] == ["a [b].wav"] and found["warnings"] == report.warnings


def test_csv_holds_one_row_a_direction_metric_and_k(report, tmp_path):
    write_csv(report, tmp_path / "report.csv")
    with open(tmp_path / "report.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * (3 + 3 + 3)
    for row in rows:
        result = report.directions[row["direction"]]
        value = result[row["metric"]][row["k"]] if row["k"] else result[row["metric"]]
        assert float(row["value"]) == value
        if row["metric"] in ("hit_rate", "recall"):
            assert float(row["chance"]) == result[f"{row['metric']}_chance"][row["k"]]
            assert [float(row["low"]), float(row["high"])] == result[f"{row['metric']}_interval"][row["k"]]
        assert int(row["gallery"]) == 300 and int(row["failed_queries"]) == result["failed_queries"]


def test_files_are_replaced_whole(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    write_json(report, path)
    assert json.loads(path.read_text(encoding="utf-8"))["split"] == "test"
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_summary_rows_are_a_table_of_texts_in_percent(report):
    head, *rows = summary_rows(report)
    assert all(len(row) == len(head) and all(isinstance(cell, str) for cell in row) for row in rows)
    place = head.index("recall @10")
    assert rows[0][place] == f"{100 * report.directions['speech->video']['recall']['10']:.2f}"
    assert rows[1][0] == "speech->video, chance" and rows[1][place] == "3.33"


def test_a_pipe_is_written_to_and_a_link_stays_a_link(report, tmp_path):
    pipe, link, real = tmp_path / "pipe", tmp_path / "link.csv", tmp_path / "real" / "r.csv"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text)
        write_json(report, pipe)
        assert json.loads(read.result()) == json.loads(json.dumps(as_json(report)))
    assert pipe.is_fifo()
    link.symlink_to(real)
    for _ in range(2):
        write_csv(report, link)
        assert link.is_symlink() and real.read_text().startswith("direction,")


def test_names_that_are_no_text_or_would_move_the_cursor(report, tmp_path):
    name = "caf\udce9\x1b[2J\u202e\n[red]"
    odd = replace(report, failed=[Failure(name, "video", "", "test", "", "/x", name)], warnings=[name])
    write_json(odd, tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text(encoding="ascii"))
    assert found["failed"][0]["id"] == found["warnings"][0] == name
    said = printed(odd)
    assert r"caf\udce9\x1b[2J\u202e\n[red]" in said and not set(name) & set(said) & set("\x1b\u202e\udce9")


def test_a_folder_is_no_report(report, tmp_path):
    with pytest.raises(InputError, match="is a folder: name a file"):
        write_json(report, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("into", ["file", "pipe"])
def test_standard_output_keeps_what_stands_before_and_after(tmp_path, into):
    program = "from fmn.retrieval.report import write_text; print(1); write_text('/dev/stdout', '2\\n'); print(3)"
    with open(tmp_path / "out", "wb") as file:
        where = file if into == "file" else subprocess.PIPE
        done = subprocess.run([sys.executable, "-c", program], stdout=where, check=True)
    assert (done.stdout or (tmp_path / "out").read_bytes()) == b"1\n2\n3\n"
