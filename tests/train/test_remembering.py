"""Filling a memory of items, and what fmn-train leaves of it."""

import json
import math

import numpy as np
import pytest
import torch

from fmn.errors import InputError
from fmn.retrieval import load
from fmn.retrieval.indexing import evaluate_indexed
from fmn.retrieval.protocol import evaluate_cache
from fmn.train.data import load_training_set, validation_map
from fmn.train.memory_run import remember_cache
from fmn.train.remembering import SETTINGS, choose, remember, whole
from fmn.train.settings import MemorySettings

NAMES = {"video": "i3d", "audio": "bilstm"}


@pytest.fixture(scope="module")
def cache(clusters, tmp_path_factory):
    return clusters(tmp_path_factory.mktemp("memory") / "cache")


@pytest.fixture
def data(cache):
    return load_training_set(cache, NAMES, 0.2, torch.device("cpu"))


def test_the_best_candidate_on_the_validation_part_is_chosen(data):
    chosen, found = choose([data], SETTINGS)
    assert len(found) == len(SETTINGS) and found[chosen] == max(found)
    assert found[3] == validation_map(remember(data, **SETTINGS[3]), data)
    assert choose([data], [{}, {}])[0] == 0  # the first of equals


def test_the_mean_over_several_parts_counts(cache, data):
    other = load_training_set(cache, NAMES, 0.2, torch.device("cpu"), draw=1)
    assert set(other.held_video.ids) != set(data.held_video.ids)
    _, found = choose([data, other], SETTINGS)
    for setting, value in zip(SETTINGS, found, strict=True):
        each = [validation_map(remember(part, **setting), part) for part in (data, other)]
        assert value == pytest.approx(sum(each) / 2, abs=1e-12)


def test_nothing_is_chosen_where_nothing_is_held_out(data):
    chosen, found = choose([whole(data)], SETTINGS)
    assert chosen == 0 and all(math.isnan(value) for value in found)


def test_whole_holds_every_item_once(data):
    everything = whole(data)
    assert sorted(everything.fit_video.ids) == sorted([*data.fit_video.ids, *data.held_video.ids])
    assert not everything.held_audio.ids and not everything.has_validation
    at = {name: row for row, name in enumerate(everything.fit_audio.ids)}
    for side in (data.fit_audio, data.held_audio):
        for row, name in enumerate(side.ids):
            assert torch.equal(everything.fit_audio.features[at[name]], side.features[row])
            assert everything.fit_audio.codes[at[name]] == side.codes[row]


def test_capacity_follows_the_categories(clusters, tmp_path):
    """A hundred and more, one clip each: no slot is wanting, and a clip is found again by unseen recordings."""
    cache = clusters(tmp_path / "cache", categories=120, videos=1, sounds=5, tests=1, same_clips=True)
    made = remember_cache(cache, tmp_path / "run", device="cpu")
    assert made.slots == 120 and made.items == {"video": 120, "audio": 600}
    assert len(made.data.held_video.ids) == 120 == len(made.data.held_audio.ids)  # each clip is known, and asked for
    assert not set(made.data.held_audio.ids) & set(made.data.fit_audio.ids)
    report = evaluate_cache(cache, load(made.path))
    assert all(result["mAP"] > 0.8 for result in report.directions.values())


def test_a_run_says_what_was_chosen_on_what(cache, tmp_path):
    made = remember_cache(cache, tmp_path / "run", device="cpu")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["kind"] == "memory" and facts["status"] == "finished"
    assert [each["setting"] for each in facts["candidates"]] == [dict(each) for each in SETTINGS]
    assert facts["best"]["setting"] == SETTINGS[made.chosen]
    assert made.items["video"] == len(made.data.fit_video.ids) + len(made.data.held_video.ids)
    retriever = load(tmp_path / "run")
    retriever.check(cache)
    assert sorted(retriever.fitted_on["video"]) == sorted([*made.data.fit_video.ids, *made.data.held_video.ids])


def test_it_is_the_same_run_again(cache, tmp_path):
    for name in ("one", "other"):
        remember_cache(cache, tmp_path / name, device="cpu")
    one, other = ((tmp_path / name / "best.safetensors").read_bytes() for name in ("one", "other"))
    assert one == other


def test_only_what_was_fitted_on_is_remembered_where_that_is_wanted(cache, tmp_path):
    made = remember_cache(cache, tmp_path / "run", MemorySettings(everything=False), device="cpu")
    assert made.items["video"] == len(made.data.fit_video.ids)


def test_what_is_given_is_not_chosen(cache, tmp_path):
    given = {"kernel": "rbf"}
    made = remember_cache(cache, tmp_path / "run", given=given, device="cpu")
    assert [each for each, _ in made.candidates] == [given, *({**given, "shrinkage": share} for share in (0.02, 0.4))]
    assert load(tmp_path / "run").network.config.kernel == "rbf"


def test_what_is_no_way_of_reading_cannot_be_given(cache, tmp_path):
    with pytest.raises(InputError, match=r"A memory is read by kernel, .*; got exponent, middle"):
        remember_cache(cache, tmp_path / "run", given={"exponent": 1.0, "middle": {}}, device="cpu")


@pytest.mark.parametrize("shape", [{"categories": 1, "videos": 1, "sounds": 1}, {"categories": 1}, {"categories": 2}])
def test_the_smallest_sets_are_remembered_and_ranked(clusters, tmp_path, shape):
    cache = clusters(tmp_path / "cache", tests=2, **shape)
    made = remember_cache(cache, tmp_path / "run", device="cpu")
    report = evaluate_cache(cache, load(made.path))
    assert all(result["mAP"] > 0.5 for result in report.directions.values())


def test_labels_can_be_left_out(cache, tmp_path):
    made = remember_cache(cache, tmp_path / "run", device="cpu", without=frozenset({"category 0"}))
    assert made.slots == 5
    assert not any(name.startswith("category 0/") for name in load(made.path).fitted_on["video"])


def test_a_folder_of_something_else_is_refused(cache, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.txt").write_text("sun")
    with pytest.raises(InputError, match="holds other files"):
        remember_cache(cache, tmp_path / "photos", device="cpu")
    with pytest.raises(InputError, match="kernel is one of"):
        remember_cache(cache, tmp_path / "run", given={"kernel": "cubic"}, device="cpu")
    assert not (tmp_path / "run").exists()


def test_an_indexed_gallery_stands_beside_the_one_alone(cache, tmp_path):
    remember_cache(cache, tmp_path / "run", device="cpu")
    retriever = load(tmp_path / "run")
    alone = evaluate_cache(cache, retriever)
    report = evaluate_indexed(cache, retriever, alone)
    assert report.directions == alone.directions and "before any query was asked" in report.facts["gallery"]["rule"]
    tests = {m: cache.features(m, split="test") for m in ("video", "audio")}
    scores = retriever.score(tests["video"], tests["audio"], ("video",))
    again = evaluate_cache(cache, _Fixed(scores)).directions["speech->video"]
    assert report.facts["gallery"]["gallery"]["speech->video"] == again


class _Fixed:
    def __init__(self, scores):
        self.scores = scores

    def score(self, video, audio):
        return np.asarray(self.scores)
