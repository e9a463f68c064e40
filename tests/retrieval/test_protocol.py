"""The protocol on real caches, against what a plain loop over items says."""

import json

import numpy as np
import pytest
import torch

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval.protocol import evaluate_cache

LABELS = ("cut apple", "pour milk", "stir soup")


class InnerProduct:
    """The plainest retriever."""

    def score(self, video, audio):
        return video @ audio.T


class Fixed:
    def __init__(self, scores):
        self.scores = scores

    def score(self, video, audio):
        return self.scores


def item(modality, name, split="test", **columns):
    return Item(id=name, modality=modality, path=f"/media/{modality}/{name}", split=split, **columns)


def write_cache(path, items, features, failed=(), warning=""):
    """A cache of the given items; features maps (modality, id) to a vector."""
    with CacheWriter(path) as writer:
        writer.describe(split_rule="70/30 per label", seed=0)
        for modality in ("video", "audio"):
            writer.declare(
                EncoderRecord(modality, "toy", 4, warning=f"{modality} encoder: {warning}" if warning else "")
            )
            rows = [
                Row(each, features[modality, each.id], seconds=1.0, windows=1, repeated=0)
                for each in items
                if each.modality == modality
            ]
            writer.add("toy", rows)
        for each in failed:
            writer.fail(each, "The file is empty.")
    return FeatureCache(path)


def labelled(rng, per_label=4):
    items = [
        item(modality, f"{label}/{split}{n}.{modality}", split, label=label)
        for modality in ("video", "audio")
        for label in LABELS
        for split in ("train", "test")
        for n in range(per_label)
    ]
    return items, {(each.modality, each.id): rng.normal(size=4).astype(np.float32) for each in items}


def plain_hit_rate(queries, gallery, similar, match, k):
    """Over the queries: is one of the k most similar gallery items a match? (No ties here.)"""
    hits = 0
    for query in queries:
        top = sorted(gallery, key=lambda other: -similar(query, other))[:k]
        hits += any(match(query, other) for other in top)
    return hits / len(queries)


def test_both_directions_equal_a_plain_loop_over_the_test_items(tmp_path):
    items, features = labelled(np.random.default_rng(0))
    report = evaluate_cache(write_cache(tmp_path / "cache", items, features), InnerProduct(), [1, 3])
    videos, speech = (
        [each for each in items if each.modality == modality and each.split == "test"]
        for modality in ("video", "audio")
    )

    def similar(a, b):
        return float(features[a.modality, a.id] @ features[b.modality, b.id])

    def match(a, b):
        return a.label == b.label

    for k in (1, 3):
        measured = {name: result["hit_rate"][str(k)] for name, result in report.directions.items()}
        assert measured["speech->video"] == plain_hit_rate(speech, videos, similar, match, k)
        assert measured["video->speech"] == plain_hit_rate(videos, speech, similar, match, k)
    assert report.items == {"video": 12, "audio": 12} and report.relevant == "label"
    assert report.failed == [] and report.left_out == {"speech->video": [], "video->speech": []}


def test_train_and_validation_items_are_never_scored(tmp_path):
    items, features = labelled(np.random.default_rng(1))
    cache = write_cache(tmp_path / "cache", items, features)
    shapes = []

    class Noting(InnerProduct):
        def score(self, video, audio):
            shapes.append((video.shape, audio.shape, video.dtype))
            return super().score(video, audio)

    evaluate_cache(cache, Noting(), [1])
    evaluate_cache(cache, Noting(), [1], split="train")
    assert shapes == [((12, 4), (12, 4), np.float32)] * 2


def test_torch_scores_are_as_good_as_numpy_ones(tmp_path):
    items, features = labelled(np.random.default_rng(2))
    cache = write_cache(tmp_path / "cache", items, features)

    class Torch(InnerProduct):
        def score(self, video, audio):
            return torch.from_numpy(super().score(video, audio)).requires_grad_()

    assert evaluate_cache(cache, Torch(), [1]).directions == evaluate_cache(cache, InnerProduct(), [1]).directions


def test_failed_items_are_misses_and_are_named(tmp_path):
    """Four pairs: the clip of b failed, the speech of c failed, both sides of d failed."""
    videos = [item("video", f"{name}.mp4", pair=name) for name in "ac"]
    speech = [item("audio", f"{name}.wav", pair=name) for name in "ab"]
    failed = [
        *(item("video", f"{name}.mp4", pair=name) for name in "bd"),
        *(item("audio", f"{name}.wav", pair=name) for name in "cd"),
        item("video", "other.mp4", split="train", pair="other"),
    ]
    features = {(each.modality, each.id): np.ones(4) for each in (*videos, *speech)}
    cache = write_cache(tmp_path / "cache", [*videos, *speech], features, failed)
    report = evaluate_cache(cache, Fixed(np.array([[1.0, 0.0], [0.0, 0.0]])), [1, 2])
    for result in report.directions.values():
        assert (result["queries"], result["counted"], result["failed_queries"]) == (2, 4, 2)
        assert result["hit_rate"] == {"1": 0.25, "2": 0.25}  # a is found, b, c and d are not
        assert result["recall"] == {"1": 0.25, "2": 0.25} and result["mAP"] == 0.25
        assert len(result["unreachable"]) == 1
    assert report.relevant == "pair"
    assert [failure.id for failure in report.failed] == ["b.mp4", "d.mp4", "c.wav", "d.wav"]
    assert report.left_out == {"speech->video": [], "video->speech": []}


def test_failed_relevant_items_stay_in_the_denominator_of_recall(tmp_path):
    items = [
        item("video", "1.mp4", label="x"),
        item("video", "2.mp4", label="y"),
        item("audio", "1.wav", label="x"),
        item("audio", "lonely.wav", label="z"),
    ]
    features = {(each.modality, each.id): np.ones(4) for each in items}
    failed = [item("video", "3.mp4", label="x"), item("video", "4.mp4", label="w")]
    cache = write_cache(tmp_path / "cache", items, features, failed)
    report = evaluate_cache(cache, Fixed(np.array([[1.0, 0.0], [0.0, 1.0]])), [1])
    asked = report.directions["speech->video"]
    assert asked["recall"] == {"1": 0.5} and asked["hit_rate"] == {"1": 1.0} and asked["counted"] == 1
    assert report.left_out == {"speech->video": ["lonely.wav"], "video->speech": ["2.mp4", "4.mp4"]}
    assert report.directions["video->speech"]["counted"] == 2 and report.directions["video->speech"]["mAP"] == 0.5


def test_the_report_says_how_it_came_about(tmp_path):
    items, features = labelled(np.random.default_rng(3))
    cache = write_cache(tmp_path / "cache", items, features, warning="untrained (random:0).")
    report = evaluate_cache(cache, InnerProduct(), [1], facts={"seed": 7})
    assert report.warnings == ["video encoder: untrained (random:0).", "audio encoder: untrained (random:0)."]
    assert report.facts["run"] == {"seed": 7}
    assert report.facts["protocol"] == {
        "split_rule": "70/30 per label",
        "seed": 0,
    }
    assert report.facts["encoders"]["video"]["fingerprint"] == cache.fingerprint("video")
    assert json.loads(json.dumps(report.facts)) == report.facts


def test_what_cannot_be_evaluated_is_refused_with_sentences(tmp_path):
    items, features = labelled(np.random.default_rng(4))
    cache = write_cache(tmp_path / "cache", items, features)
    scores = np.zeros((12, 12))
    with pytest.raises(InputError, match=r"scores every pair, \[12, 12\], but it gave \[12, 3\]"):
        evaluate_cache(cache, Fixed(scores[:, :3]), [1])
    scores[2, 3] = np.nan
    with pytest.raises(InputError, match=r"NaN for 1 pairs, the first being video cut apple/test2.video with speech"):
        evaluate_cache(cache, Fixed(scores), [1])
    with pytest.raises(InputError, match="needs video items in the val split"):
        evaluate_cache(cache, InnerProduct(), [1], split="val")
    strangers = [item("video", "1.mp4", label="x"), item("audio", "1.wav", label="y")]
    cache = write_cache(tmp_path / "strangers", strangers, {(e.modality, e.id): np.ones(4) for e in strangers})
    with pytest.raises(InputError, match=r"no video item of the test split .* shares its label with a speech item"):
        evaluate_cache(cache, InnerProduct(), [1])
