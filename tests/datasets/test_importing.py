"""fmn-import as typed."""

import csv
import json

import pytest
from click.testing import CliRunner

from fmn.commands.importing import main
from fmn.extract.items.manifest import read_manifest


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, code=0):
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert done.exit_code == code, done.output
        return " ".join(done.output.split())

    return call


def videos_of(path):
    return [item for item in read_manifest(path).items if item.modality == "video"]


@pytest.fixture
def kitchen(tmp_path, annotation, intervals_of, touched):
    """400 intervals of 31 subjects; the video of the last one is not there."""
    intervals = intervals_of(400)
    stems = sorted({each["fileName"] for each in intervals})
    touched(tmp_path / "videos", *(f"{stem}.avi" for stem in stems[:-1]))
    annotation(intervals)
    return intervals, stems


def test_mpii_cooking2_with_the_published_split(run, kitchen, tmp_path):
    intervals, stems = kitchen
    said = run("mpii-cooking2", "annotation.mat", "videos")
    assert "intervals annotated 400" in said
    assert "video files missing 1" in said
    assert f"Missing videos: {stems[-1]}." in said
    assert "fmn-extract --manifest manifest.csv" in said
    items = videos_of(tmp_path / "manifest.csv")
    expected = [
        each
        for each in intervals
        if each["fileName"] != stems[-1]
        and not (each["fileName"][1:3] in ("21", "22", "28", "29", "33", "34") and each["fileName"][5:7] == "72")
    ]
    assert len(items) == len(expected)
    sides = {item.group: item.split for item in items}
    assert sides["s21"] == "val"
    assert {group for group, side in sides.items() if side == "test"} == {"s22", "s28", "s29", "s33", "s34"}
    assert sides["s07"] == "train"
    assert "are in no part of the split" in said
    before = (tmp_path / "manifest.csv").read_bytes()
    run("mpii-cooking2", "annotation.mat", "videos", "--overwrite")
    assert (tmp_path / "manifest.csv").read_bytes() == before


def test_mpii_cooking2_without_a_split_and_with_missing_videos(run, kitchen, tmp_path):
    run("mpii-cooking2", "annotation.mat", "videos", "--split", "none", "--allow-missing", "--out", "sub/all.csv")
    items = videos_of(tmp_path / "sub" / "all.csv")
    assert len(items) == 400
    assert {item.split for item in items} == {""}
    assert "action" not in items[0].extra
    assert items[0].path == str(tmp_path / "videos" / f"{kitchen[0][0]['fileName']}.avi")


def test_mpii_cooking2_with_a_table_of_subjects(run, kitchen, tmp_path):
    lines = [f"{subject},{'test' if subject > 30 else 'train'}\n" for subject in range(7, 38)]
    (tmp_path / "split.csv").write_text("subject,split\n" + "".join(lines))
    run("mpii-cooking2", "annotation.mat", "videos", "--split", "split.csv")
    assert {item.split for item in videos_of(tmp_path / "manifest.csv") if item.group > "s30"} == {"test"}


def test_the_papers_protocol(run, annotation, interval, tmp_path, touched):
    def kind(count, verb, offset, **objects):
        return [
            interval(
                f"s{7 + index % 5:02d}-d21-cam-002", 1 + 40 * index + offset, 30 + 40 * index + offset, verb, **objects
            )
            for index in range(count)
        ]

    annotation(
        kind(70, "pourV", 0, ingredients=["milk"], containersDestination=["jar"])
        + kind(60, "cut apartV", 3, ingredients=["lemon"], tool=["chefs-knife"])
        + kind(20, "strewV", 6, ingredients=["salt"], containersDestination=["plate"])
        + kind(30, "enterV", 9)
    )
    touched(tmp_path / "videos", *(f"s{subject:02d}-d21-cam-002.avi" for subject in (7, 8, 9, 10, 11)))
    said = run("mpii-cooking2", "annotation.mat", "videos", "--paper-protocol", "--out", "paper.csv")
    assert "pour milk jar 70 50 5" in said
    assert "cut lemon knife 60 50 5" in said
    assert "Only 2 triples have 50 intervals" in said
    assert "30 of another action" in said
    items = videos_of(tmp_path / "paper.csv")
    labels = [item.label for item in items]
    assert (labels.count("pour milk jar"), labels.count("cut lemon knife"), len(labels)) == (50, 50, 100)
    words = [(item.extra["action"], item.extra["subject"], item.extra["receptacle"]) for item in items]
    assert [" ".join(each) for each in words] == labels
    assert ("cut", "lemon", "knife") in words
    with (tmp_path / "paper.categories.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["label"], row["intervals"], row["clips"], row["persons"]) for row in table] == [
        ("pour milk jar", "70", "50", "5"),
        ("cut lemon knife", "60", "50", "5"),
    ]
    run("mpii-cooking2", "annotation.mat", "videos", "--paper-protocol", "--out", "again.csv")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "paper.csv").read_text()
    run("mpii-cooking2", "annotation.mat", "videos", "--paper-protocol", "--seed", 1, "--out", "other.csv")
    assert (tmp_path / "other.csv").read_text() != (tmp_path / "paper.csv").read_text()


def test_a_protocol_without_categories_is_a_sentence(run, kitchen):
    said = run("mpii-cooking2", "annotation.mat", "videos", "--paper-protocol", "--split", "published", code=2)
    assert "No triple of action, subject and receptacle has 50 intervals." in said


def test_mpii_cooking1_youcook2_and_folder(run, tmp_path, touched):
    touched(tmp_path / "videos", "a/s08-d02-cam-002.avi", "b/xyz.mp4")
    (tmp_path / "one.csv").write_text("8,s08-d02-cam-002,1,294,3,cut apart\n")
    assert "rows written 1" in run("mpii-cooking1", "one.csv", "videos", "--out", "one-manifest.csv")
    segment = {"id": 0, "segment": [1, 2], "sentence": "pour"}
    entry = {"subset": "validation", "recipe_type": "101", "annotations": [segment]}
    (tmp_path / "two.json").write_text(json.dumps({"database": {"xyz": entry}}))
    assert "split val 1" in run("youcook2", "two.json", "videos", "--validation-as", "val", "--out", "two.csv")
    assert "labels 2" in run("folder", "videos", "--out", "three.csv")
    assert [len(videos_of(tmp_path / name)) for name in ("one-manifest.csv", "two.csv", "three.csv")] == [1, 1, 2]


def test_errors_are_sentences(run, kitchen, tmp_path):
    assert "Error: The annotation file none.mat does not exist." in run("mpii-cooking2", "none.mat", "videos", code=2)
    assert "does not exist" in run("mpii-cooking2", "annotation.mat", "nowhere", code=2)
    assert "cannot be read" in run("mpii-cooking2", "annotation.mat", "videos", "--split", "nowhere", code=2)
    (tmp_path / "manifest.csv").write_text("mine\n")
    assert "Give --overwrite" in run("mpii-cooking2", "annotation.mat", "videos", code=2)
    assert (tmp_path / "manifest.csv").read_text() == "mine\n"
