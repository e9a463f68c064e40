"""Categories left out of a fitting, enrolled afterwards: on a small cache whose categories can be told apart."""

import csv
import json
import os

import numpy as np
import pytest
import torch

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval import load
from fmn.retrieval.enrolled_run import known_labels, write_enrolled_run
from fmn.retrieval.enrolment import enrol
from fmn.retrieval.protocol import evaluate_cache
from fmn.retrieval.store import ENROLLED_FILE, RUN_SCHEMA, save_network, write_json
from fmn.retrieval.towers import TowersConfig, TwoTowers
from fmn.sealed import without_seal
from fmn.train.experiments.new_categories import NewCategories, draw, new_categories, summary, write_csv
from fmn.train.memory_run import remember_cache
from fmn.train.settings import MemorySettings, settings_of_run

DIM, CATEGORIES = 16, 5
READ = {"kernel": "linear", "shrinkage": 0.2}
HOW = MemorySettings()
ENCODERS = {"video": "toy", "audio": "toy"}
NEW = "k4"


def features_of(category, modality, random):
    place = category if modality == "video" else CATEGORIES + category
    return (random.normal(size=DIM) * 0.5 + 4 * np.eye(DIM)[place]).astype(np.float32)


def make_cache(path, fingerprint="a", paired=False, planted=None, seed=0):
    """CATEGORIES categories of 6 train and 4 test items a modality; `planted`: features of one more test item each."""
    random = np.random.default_rng(seed)
    with CacheWriter(path) as writer:
        writer.describe(seed=0)
        for modality in ("video", "audio"):
            weights = {"source": "fitted here on 30 items of the train split", "sha256": {"toy": fingerprint}}
            writer.declare(EncoderRecord(modality, "toy", DIM, {}, weights, notes={"fitted_on": {}}))
            rows = []
            for category in range(CATEGORIES):
                for i in range(10):
                    place = {"pair": f"{category}-{i}"} if paired else {}
                    split = "train" if i < 6 else "test"
                    file = f"/no/{modality}/{category}/{i}"
                    item = Item(f"{category}/{i}", modality, file, label=f"k{category}", split=split, **place)
                    rows.append(Row(item, features_of(category, modality, random), 1.0, 1, 0))
            if planted:
                item = Item("planted", modality, "/no/planted", label=NEW, split="test")
                rows.append(Row(item, planted[modality], 1.0, 1, 0))
            writer.add("toy", rows)
    return FeatureCache(path)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return make_cache(tmp_path_factory.mktemp("new") / "cache")


@pytest.fixture(scope="module")
def run(cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "run"
    remember_cache(cache, folder, HOW, given=READ, without=frozenset({NEW}), device="cpu")
    return folder


def new_pairs(n=3, seed=7):
    random = np.random.default_rng(seed)
    return [
        np.stack([features_of(CATEGORIES - 1, modality, random) for _ in range(n)]) for modality in ("video", "audio")
    ]


def write(run, out, pairs=None, labels=None):
    video, audio = pairs or new_pairs()
    learnt, done = enrol(load(run), video, audio, labels or [NEW] * len(video))
    write_enrolled_run(run, out, learnt, [each.to_json() for each in done])
    return learnt


def test_a_label_left_out_is_in_no_part_of_the_fitting(cache, run):
    facts = json.loads((run / "run.json").read_text())
    assert facts["without"] == [NEW] and facts["labels"] == ["k0", "k1", "k2", "k3"]
    assert not any(item.startswith("4/") for ids in facts["fitted_on"].values() for item in ids)
    assert len(facts["fitted_on"]["video"]) == 24


def test_the_held_out_part_of_the_others_does_not_depend_on_it(cache):
    from fmn.train.data import load_training_set

    whole, part = (
        load_training_set(cache, ENCODERS, 0.3, torch.device("cpu"), without)
        for without in (frozenset(), frozenset({NEW}))
    )
    assert [item for item in whole.held_video.ids if not item.startswith("4/")] == part.held_video.ids
    assert [item for item in whole.fit_audio.ids if not item.startswith("4/")] == part.fit_audio.ids


def test_an_unknown_label_cannot_be_left_out(cache, tmp_path):
    with pytest.raises(InputError, match="has no unicorn there"):
        remember_cache(cache, tmp_path / "run", without=frozenset({"unicorn"}))


def test_an_enrolled_run_loads_scores_alike_and_says_what_it_is(cache, run, tmp_path):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    learnt = write(run, tmp_path / "out")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    found = load(tmp_path / "out")
    found.check(cache)
    video, audio = cache.features("video"), cache.features("audio")
    assert np.array_equal(found.score(video, audio), learnt.score(video, audio))
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [each["label"] for each in facts["enrolled"]] == [NEW] and facts["enrolled"][0]["pairs"] == 3
    assert facts["enrolled_from"]["run"] == str(run.resolve())
    assert found.facts["enrolled categories"] == 1
    assert known_labels(run, cache) == {"k0", "k1", "k2", "k3"}
    assert known_labels(tmp_path / "out", cache) == {"k0", "k1", "k2", "k3", NEW}
    reading, settings, encoders = settings_of_run(tmp_path / "out")
    assert reading == READ and settings == HOW and encoders == ENCODERS


def test_the_new_category_is_found_after_enrolment_and_the_old_ones_as_before(cache, run, tmp_path):
    write(run, tmp_path / "out")
    reach = {}
    for name, folder in (("before", run), ("after", tmp_path / "out")):
        for queries in ([NEW], ["k0", "k1", "k2", "k3"]):
            report = evaluate_cache(cache, load(folder), (4,), samples=1, asked=queries)
            reach[name, len(queries)] = np.mean([each["recall"]["4"] for each in report.directions.values()])
    assert reach["after", 1] >= max(0.7, reach["before", 1] + 0.2)
    assert reach["after", 4] >= reach["before", 4] - 0.05


def test_a_run_is_enrolled_further_and_is_read_as_the_first(cache, run, tmp_path):
    write(run, tmp_path / "one")
    random = np.random.default_rng(0)
    write(tmp_path / "one", tmp_path / "two", [random.normal(size=(9, DIM)).astype(np.float32)] * 2, list("abcdefghi"))
    found = load(tmp_path / "two")
    assert found.network.config.enrolled == 10 and len(found.enrolled["video"]) == 12
    assert settings_of_run(tmp_path / "two") == settings_of_run(run)


def test_features_of_another_encoder_are_refused(run, tmp_path):
    write(run, tmp_path / "out")
    with pytest.raises(InputError, match="fitted on"):
        load(tmp_path / "out").check(make_cache(tmp_path / "other", fingerprint="b"))


def test_a_test_item_whose_content_was_enrolled_is_refused(run, tmp_path):
    video, audio = new_pairs()
    write(run, tmp_path / "out", [video, audio])
    # What another machine's rounding leaves of the same file.
    planted = {"video": video[1] * np.float32(1.0001), "audio": new_pairs(1, seed=8)[1][0]}
    grown = make_cache(tmp_path / "grown", planted=planted)
    load(run).check(grown)
    with pytest.raises(InputError, match=r"1 video items .* enrolment \(first: planted\)"):
        load(tmp_path / "out").check(grown)


def test_a_folder_with_other_files_is_refused(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo").write_text("sun")
    with pytest.raises(InputError, match="holds other files"):
        write(run, tmp_path / "out")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda out: (out / ENROLLED_FILE).unlink(), "cannot be read"),
        (lambda out: (out / ENROLLED_FILE).write_bytes(b"<html>"), "cannot be read"),
        (lambda out: rewrite(out, lambda facts: facts.update(enrolled=3)), "garbles"),
        (lambda out: rewrite(out, lambda facts: facts["config"].update(enrolled=99)), "may be enrolled, got 99"),
        (lambda out: rewrite(out, lambda facts: facts["config"].update(enrolled=[1])), "whole number as enrolled"),
    ],
)
def test_a_spoilt_enrolment_is_a_sentence(run, tmp_path, spoil, said):
    write(run, tmp_path / "out")
    spoil(tmp_path / "out")
    with pytest.raises(InputError, match=said):
        load(tmp_path / "out")


def rewrite(out, change):
    facts = json.loads((out / "run.json").read_text())
    change(facts)
    (out / "run.json").write_text(json.dumps(without_seal(facts)))


def test_the_experiment_tells_new_from_old_and_is_gone_on_with(cache, tmp_path, monkeypatch):
    said = []
    found = new_categories(
        cache, READ, HOW, ENCODERS, 1, tmp_path / "work", seeds=2, ks=(1, 4), steps=(0, 2, 6), say=said.append
    )
    assert len(said) == 2 and len(found.rows) == 2 * 3 * 2 * 2 * 5
    assert any("may have seen the labels" in warning for warning in found.warnings)
    means = {tuple(row[key] for key in ("direction", "queries", "metric", "k", "pairs")): row for row in summary(found)}
    for direction in ("speech->video", "video->speech"):
        new = [means[direction, "new", "recall", 4, step]["value"] for step in (0, 2, 6)]
        old = [means[direction, "old", "recall", 4, step]["value"] for step in (0, 2, 6)]
        assert new[2] >= max(0.7, new[0] + 0.2) and min(old) >= old[0] - 0.1  # of so small a toy
    one = [row["value"] for row in found.rows if row["metric"] == "mAP" and row["pairs"] == 2][::4]
    assert means["speech->video", "new", "mAP", "", 2]["value"] == pytest.approx(np.mean(one))
    write_csv(found, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {row["seed"] for row in rows} == {"0", "1", "mean"} and rows[0]["categories"] in {
        f"k{i}" for i in range(CATEGORIES)
    }
    draw(found, tmp_path / "r.png", 4)
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")

    def no_more(*arguments, **options):
        raise AssertionError("fitted again")

    monkeypatch.setattr("fmn.train.experiments.new_categories.remember_cache", no_more)
    again = new_categories(cache, READ, HOW, ENCODERS, 1, tmp_path / "work", seeds=2, ks=(1, 4), steps=(0, 2, 6))
    assert again.rows == found.rows


@pytest.mark.parametrize(("held_out", "steps", "said"), [(0, (0, 1), "at least 1"), (5, (0, 1), "cannot be left out")])
def test_too_many_or_too_few_categories_are_sentences(cache, tmp_path, held_out, steps, said):
    with pytest.raises(InputError, match=said):
        new_categories(cache, READ, HOW, ENCODERS, held_out, tmp_path, steps=steps)


def test_categories_with_too_few_pairs_and_sets_of_pairs_are_sentences(cache, tmp_path):
    with pytest.raises(InputError, match="7 clips and recordings in the train split"):
        new_categories(cache, READ, HOW, ENCODERS, 1, tmp_path, steps=(0, 7))
    with pytest.raises(InputError, match="match by pairs"):
        new_categories(make_cache(tmp_path / "pairs", paired=True), READ, HOW, ENCODERS, 1, tmp_path)


def test_the_settings_of_a_run_that_cannot_enrol_are_a_sentence(tmp_path):
    config = TowersConfig("linear", DIM, DIM, 4)
    save_network(tmp_path / "best.safetensors", TwoTowers(config))
    facts = {"schema": RUN_SCHEMA, "kind": "towers", "config": config.to_json(), "settings": {"ridge": 0.1}}
    features = {modality: {"encoder": "toy", "fingerprint": "a"} for modality in ENCODERS}
    write_json(tmp_path / "run.json", {**facts, "features": features, "fitted_on": {"video": [], "audio": []}})
    with pytest.raises(InputError, match=r"Only a memory of items .* another kind \(towers\)"):
        settings_of_run(tmp_path)


def test_labels_with_spaces_stay_apart_and_a_pipe_stays_a_pipe(tmp_path):
    row = {"seed": 0, "pairs": 1, "queries": "new", "direction": "speech->video", "metric": "mAP", "k": ""}
    found = NewCategories([{**row, "value": 0.5, "chance": 0.1}], {0: ["cut onion", "pour milk"]})
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_csv(found, tmp_path / "pipe")
    lines = os.read(reader, 10_000).decode().splitlines()
    os.close(reader)
    assert [each["categories"] for each in csv.DictReader(lines)] == ["cut onion | pour milk", ""]
    assert (tmp_path / "pipe").is_fifo()


def test_a_fitting_on_other_vectors_of_the_same_names_is_not_taken_for_this_one(cache, tmp_path):
    for each in (cache, cache, make_cache(tmp_path / "other", seed=1)):
        new_categories(each, READ, HOW, ENCODERS, 1, tmp_path / "work", seeds=1, ks=(1,), steps=(0, 1))
    assert len(list((tmp_path / "work").iterdir())) == 2
