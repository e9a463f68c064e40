"""fmn-enroll on real media, then fmn-eval and fmn-search on the run that it wrote."""

import csv
import json
import shutil
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fmn.commands.enroll import main as enroll
from fmn.commands.evaluate import main as evaluate
from fmn.commands.search import main as search


def call(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def _files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def enrolled(line, commands, tmp_path_factory):
    """Media of two new categories, one file of them broken and one without a partner, enrolled into the line's run."""
    folder = tmp_path_factory.mktemp("enrolled")
    for category, name in enumerate(("zigzag", "bounce")):
        for i in range(2):
            commands.write_clip(folder / "videos" / name / f"{i}.mp4", category, 70 + i)
            commands.write_sound(folder / "audio" / name / f"{i}.wav", category, 70 + i)
    commands.write_sound(folder / "audio" / "bounce" / "alone.wav", 1, 99)
    (folder / "videos" / "zigzag" / "broken.mp4").write_bytes(b"this is no film")
    before = _files(line.folder / "runs" / "001")
    shared = (line.folder / "runs" / "001", folder / "videos", folder / "audio", "--cache", line.folder / "cache")
    said = call(enroll, *shared, "--out", folder / "run")
    after = _files(line.folder / "runs" / "001")
    return SimpleNamespace(folder=folder, said=said, shared=shared, same=before == after, line=line.folder)


def test_new_categories_are_enrolled_and_what_could_not_be_is_named(enrolled):
    assert enrolled.said.exit_code == 1 and enrolled.same
    assert "broken.mp4" in enrolled.said.stderr and "zigzag: 2 pairs" in enrolled.said.stdout
    assert "1 files found no partner" in enrolled.said.stdout and "bounce/alone.wav" in enrolled.said.stdout
    facts = json.loads((enrolled.folder / "run" / "run.json").read_text())
    assert [(each["label"], each["pairs"]) for each in facts["enrolled"]] == [("bounce", 2), ("zigzag", 2)]
    assert facts["enrolled_from"]["run"].endswith("runs/001") and facts["enrolled"][0]["videos"][0].endswith("0.mp4")


def test_the_enrolled_run_is_evaluated_and_searched(enrolled):
    shared = ("--run", enrolled.folder / "run", "--cache", enrolled.line / "cache")
    said = call(evaluate, *shared, "--recall", "1,2")
    assert said.exit_code == 0 and "enrolled categories 2" in " ".join(said.stdout.split())
    found = call(search, enrolled.folder / "audio" / "zigzag" / "0.wav", *shared, "--json")
    assert found.exit_code == 0 and len(json.loads(found.stdout)["hits"]) == 10


def test_labels_that_the_run_knows_are_refused_unless_again(enrolled, tmp_path):
    shared = ("--cache", enrolled.line / "cache", "--out", tmp_path / "run")
    said = call(enroll, enrolled.folder / "run", *enrolled.shared[1:3], *shared)
    assert said.exit_code == 2 and "bounce, zigzag" in said.stderr and not (tmp_path / "run").exists()
    again = call(enroll, enrolled.folder / "run", *enrolled.shared[1:3], *shared, "--again", "--quiet")
    assert again.exit_code == 1 and not again.stdout and (tmp_path / "run" / "run.json").is_file()


def test_a_test_item_cannot_be_enrolled(enrolled, tmp_path):
    from fmn.cache import FeatureCache

    for modality, name in (("video", "videos"), ("audio", "audio")):
        cache = FeatureCache(enrolled.line / "cache")
        item = next(item for item in cache.items(modality) if item.split == "test" and item.label == "sweep")
        (tmp_path / name / "other").mkdir(parents=True)
        shutil.copy(item.path, tmp_path / name / "other")
    shared = ("--cache", enrolled.line / "cache", "--out", tmp_path / "run")
    said = call(enroll, enrolled.shared[0], tmp_path / "videos", tmp_path / "audio", *shared)
    assert said.exit_code == 2 and "No test item" in said.stderr and not (tmp_path / "run").exists()


def test_an_occupied_folder_and_a_missing_one_are_sentences(enrolled, tmp_path):
    said = call(enroll, *enrolled.shared, "--out", enrolled.folder)
    assert said.exit_code == 2 and "holds other files" in said.stderr
    said = call(enroll, enrolled.shared[0], tmp_path / "none", *enrolled.shared[2:])
    assert said.exit_code == 2 and "does not exist" in said.stderr


def test_eval_tells_what_updating_does(line, tmp_path):
    shared = ("--run", line.folder / "runs" / "001", "--cache", line.folder / "cache", "--recall", "1,2")
    files = ("--json", tmp_path / "r.json", "--csv", tmp_path / "r.csv")
    said = call(evaluate, *shared, "--update-memory", "--shuffles", "2", *files)
    assert said.exit_code == 0 and "order of the queries" in " ".join(said.stdout.split())
    assert json.loads((tmp_path / "r.json").read_text())["facts"]["updating"]["orders"] == 2
    with (tmp_path / "r.csv").open() as handle:
        assert {row["memory"] for row in csv.DictReader(handle)} == {"fixed", "updating"}
    plain = call(evaluate, *shared)
    assert said.stdout.split("memory updated")[0].startswith(plain.stdout.split("video->speech")[0])


def test_the_experiment_with_new_categories_says_when_there_are_too_few_pairs(line):
    shared = ("--run", line.folder / "runs" / "001", "--cache", line.folder / "cache")
    said = call(evaluate, *shared, "--held-out-classes", "1")
    assert said.exit_code == 2 and "cannot be left out" in said.stderr
    for wrong, word in (
        (("--seeds", "2"), "--held-out-classes"),
        (("--shuffles", "2"), "--update-memory"),
        (("--held-out-classes", "1", "--update-memory"), "goes without"),
    ):
        said = call(evaluate, *shared, *wrong)
        assert said.exit_code == 2 and word in said.stderr
