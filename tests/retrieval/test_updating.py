"""Updating while ranking against a plain loop of rank -> update."""

import copy
import io

import numpy as np
import pytest
import torch
from rich.console import Console

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval import FeatureMemoryNetwork, FmnConfig, Retriever
from fmn.retrieval.protocol import evaluate_cache
from fmn.retrieval.remembering import MemoryConfig, MemoryNetwork
from fmn.retrieval.report import as_json, write_csv
from fmn.retrieval.terminal import render
from fmn.retrieval.updating import evaluate_updating, statistics, updating
from fmn.retrieval.updating_pairs import order_of_queries

DIM = 7


def retriever(**changes):
    torch.manual_seed(3)
    shape = {"video_dim": DIM, "audio_dim": DIM, "common": 4, "hidden": 5, "capacity": 4, "t1": 0.38, "t2": 0.3}
    network = FeatureMemoryNetwork(FmnConfig(**{**shape, "weight": 0.3, **changes})).eval()
    network.memory.update(torch.randn(2, DIM), torch.randn(2, DIM), torch.ones(2))
    return Retriever(network, {m: {"encoder": "toy", "fingerprint": ""} for m in ("video", "audio")})


def features(n, seed):
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


def plain(given, direction, queries, video, audio):
    """Score one query with a whole retriever, offer the best pair, go on; also the number of pairs offered."""
    kept = copy.deepcopy(given)
    network, scores, offered = kept.network, np.zeros((len(video), len(audio)), np.float32), 0
    for query in queries:
        if direction == "speech->video":
            scores[:, query] = kept.score(video, audio[query : query + 1])[:, 0]
            v, a = int(scores[:, query].argmax()), query
        else:
            scores[query] = kept.score(video[query : query + 1], audio)[0]
            v, a = query, int(scores[query].argmax())
        x = network.standardise_video(torch.from_numpy(video[v : v + 1]))
        y = network.standardise_audio(torch.from_numpy(audio[a : a + 1]))
        with torch.no_grad():
            s1 = network.s1(network.embed_video(x), network.embed_audio(y))[0]
        if s1.item() > network.memory.t1:
            offered += 1
            network.memory.update(x, y, s1)
    return scores, offered


@pytest.mark.parametrize("keys", ["raw", "common"])
@pytest.mark.parametrize("maximum", ["soft", "hard"])
@pytest.mark.parametrize("direction", ["speech->video", "video->speech"])
def test_updating_is_the_plain_loop_of_rank_and_update(keys, maximum, direction):
    given, video, audio = retriever(keys=keys, maximum=maximum), features(15, 1), features(12, 2)
    scorer = updating(given, direction, order=2)
    found = scorer.score(video, audio)
    queries = order_of_queries(12 if direction[0] == "s" else 15, direction, 2, 0)
    expected, offered = plain(given, direction, queries, video, audio)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert scorer.offered == offered and 0 < offered < 15
    assert not np.allclose(found, given.score(video, audio), rtol=1e-3)


def test_an_empty_memory_begins_to_learn():
    given = retriever()
    for bank in given.network.memory.buffers():
        bank.zero_()
    video, audio = features(15, 1), features(12, 2)
    expected, _ = plain(given, "video->speech", order_of_queries(15, "video->speech", 0, 0), video, audio)
    assert np.allclose(updating(given, "video->speech").score(video, audio), expected, rtol=1e-4, atol=1e-6)


def test_the_retriever_never_changes_and_orders_differ():
    given, video, audio = retriever(), features(15, 1), features(12, 2)
    before = {name: value.clone() for name, value in given.network.state_dict().items()}
    first = updating(given, "speech->video", order=0).score(video, audio)
    again = updating(given, "speech->video", order=0).score(video, audio)
    other = updating(given, "speech->video", order=1).score(video, audio)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert all(torch.equal(value, before[name]) for name, value in given.network.state_dict().items())
    orders = [order_of_queries(50, each, 0, 0).tolist() for each in ("speech->video", "video->speech")]
    assert orders[0] != orders[1] and sorted(orders[0]) == list(range(50))


def memory(seed=0):
    random = torch.Generator().manual_seed(seed)
    sizes = {"video_dim": DIM, "audio_dim": DIM, "video_items": 12, "audio_items": 15, "names": ["a", "b", "c"]}
    network = MemoryNetwork(MemoryConfig(**sizes, gallery_weight=0.5))
    codes = torch.arange(12) % 3, torch.arange(15) % 3
    network.remember(torch.randn(12, DIM, generator=random), torch.randn(15, DIM, generator=random), *codes)
    return Retriever(network.eval(), {m: {"encoder": "toy", "fingerprint": ""} for m in ("video", "audio")})


@pytest.mark.parametrize("direction", ["speech->video", "video->speech"])
def test_a_memory_of_items_remembers_each_query_under_its_posterior(direction):
    """A plain loop: the slots are the weighted means of all vectors so far, in the metric of the beginning."""
    given, video, audio = memory(), features(9, 1), features(8, 2)
    scorer = updating(given, direction, order=1)
    found = scorer.score(video, audio)
    asked, answered = ("audio", "video") if direction == "speech->video" else ("video", "audio")
    features_of = {"video": torch.from_numpy(video), "audio": torch.from_numpy(audio)}
    network = given.network
    reader = network.reader(asked)
    gallery = torch.softmax(network.similarities(answered, features_of[answered]) / 0.12, -1).numpy()
    axes = reader.plain.axes
    bank, codes = getattr(network, asked).double(), getattr(network, f"{asked}_codes")
    held = [(row @ axes, torch.eye(3).double()[code]) for row, code in zip(reader.vector(bank), codes, strict=True)]
    vectors = network.vectors(asked, features_of[asked])
    queries, beyond = vectors @ axes, reader.plain.beyond(vectors)
    assert bool((beyond > 0).all())
    assert scorer.offered == len(queries)
    for query in order_of_queries(len(queries), direction, 1, 0):
        slots = [sum(row * share[c] for row, share in held) / sum(share[c] for _, share in held) for c in range(3)]
        middle = sum(slots) / 3
        away = queries[query] - middle
        length = torch.sqrt(away.square().sum() + beyond[query])  # three categories span two axes: all of it divides
        met = torch.stack([away @ (slot - middle) / length / (slot - middle).norm() for slot in slots])
        posterior = torch.softmax(met / 0.12, -1)
        wanted = gallery @ posterior.numpy()
        row = found[:, query] if asked == "audio" else found[query]
        assert np.allclose(row, wanted, rtol=1e-5, atol=1e-7)
        held.append((queries[query], 0.5 * posterior))
    assert not np.allclose(found, given.score(video, audio), rtol=1e-3)


def test_without_an_update_the_first_query_is_ranked_as_ever():
    given, video, audio = memory(), features(9, 1), features(8, 2)
    found, first = updating(given, "video->speech").score(video, audio), order_of_queries(9, "video->speech", 0, 0)[0]
    assert np.allclose(found[first], given.score(video, audio)[first], rtol=1e-6)


@pytest.fixture
def cache(tmp_path):
    with CacheWriter(tmp_path / "cache") as writer:
        writer.describe(seed=0)
        for modality, n in (("video", 9), ("audio", 12)):
            writer.declare(EncoderRecord(modality, "toy", DIM, {}, {"source": "test", "sha256": {"toy": "a"}}))
            rows = features(n, len(modality))
            items = [Item(f"{i}", modality, f"/no/{modality}/{i}", label=f"k{i % 3}", split="test") for i in range(n)]
            writer.add("toy", [Row(item, row, 1.0, 1, 0) for item, row in zip(items, rows, strict=True)])
    return FeatureCache(tmp_path / "cache")


def test_the_report_holds_mean_and_spread_over_the_orders(cache, tmp_path):
    given, ks = retriever(), (1, 5)
    steps = []
    plain_report = evaluate_cache(cache, given, ks, samples=10)
    report = evaluate_updating(cache, given, plain_report, orders=3, seed=4, step=lambda: steps.append(1))
    assert len(steps) == 6 and report.directions == plain_report.directions
    told = as_json(report)["facts"]["updating"]
    assert told["orders"] == 3 and "T1" in told["rule"]
    for direction in report.directions:
        once = [evaluate_cache(cache, updating(given, direction, order, 4), ks, samples=1) for order in range(3)]
        values = [each.directions[direction]["mAP"] for each in once]
        assert told["directions"][direction]["mAP"] == statistics(values)
        assert told["directions"][direction]["recall"]["5"]["max"] == max(
            each.directions[direction]["recall"]["5"] for each in once
        )
    write_csv(report, tmp_path / "r.csv")
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[0].endswith("memory,sd") and sum(",updating," in line for line in lines) == 10
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(report))
    said = console.export_text()
    assert "memory updated while ranking" in said and "order of the queries" in said


def test_no_order_is_a_sentence(cache):
    given = retriever()
    with pytest.raises(InputError, match="at least 1 order"):
        evaluate_updating(cache, given, evaluate_cache(cache, given, (1,), samples=1), orders=0)


def test_only_the_labels_asked_for_are_queries_and_the_gallery_stays_whole(cache):
    given = retriever()
    part = evaluate_cache(cache, given, (2,), samples=1, asked={"k1"})
    result = part.directions["speech->video"]
    assert (result["queries"], result["gallery"]) == (4, 9)
    assert set(part.rankings["speech->video"]) == {"1", "10", "4", "7"}
    whole = [evaluate_cache(cache, given, (2,), samples=1, asked={f"k{i}"}).directions for i in range(3)]
    every = evaluate_cache(cache, given, (2,), samples=1).directions
    for direction in every:
        assert np.isclose(np.mean([each[direction]["mAP"] for each in whole]), every[direction]["mAP"])
    with pytest.raises(InputError, match="label that was asked for"):
        evaluate_cache(cache, given, (2,), asked={"nothing"})
