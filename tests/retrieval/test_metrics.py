"""The metrics against plain loops, and against every order of tied items."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from fmn.retrieval import metrics
from fmn.retrieval.metrics import evaluate

KS = [1, 2, 3, 5, 10]


def plain(order, relevant, total, ks):
    """hit rate and recall at each k, AP and rank of the first relevant item of one ranked list."""
    hits = [any(relevant[g] for g in order[:k]) for k in ks]
    recall = [sum(relevant[g] for g in order[:k]) / total for k in ks]
    precision, seen, rank = 0.0, 0, len(order) + 1
    for place, g in enumerate(order, 1):
        if relevant[g]:
            seen += 1
            precision += seen / place
            rank = min(rank, place)
    return np.array([*hits, *recall, precision / total, rank], dtype=float)


def over_all_orders(scores, relevant, total, ks):
    """The mean of `plain` over every order of the gallery that respects the scores."""
    found = [
        plain(order, relevant, total, ks)
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    return np.mean(found, axis=0)


def flat(result):
    """The measured numbers of a result in the order of `plain`."""
    return np.array(
        [*result["hit_rate"].values(), *result["recall"].values(), result["mAP"], result["MeanR"]], dtype=float
    )


@pytest.mark.parametrize("chunk", [1, 1 << 21])
def test_equals_plain_loops(monkeypatch, chunk):
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    rng = np.random.default_rng(0)
    for _ in range(20):
        queries, gallery = rng.integers(1, 30, size=2)
        scores, relevance = rng.normal(size=(queries, gallery)), rng.random((queries, gallery)) < 0.3
        relevance[:, 0] = True
        result = evaluate(scores, relevance, KS)
        each = np.array(
            [plain(np.argsort(-scores[q]), relevance[q], relevance[q].sum(), KS) for q in range(len(scores))]
        )
        np.testing.assert_allclose(flat(result), each.mean(axis=0), rtol=1e-12)
        assert result["MedR"] == np.median(each[:, -1])
        perfect = np.array(
            [plain(np.argsort(~relevance[q]), relevance[q], relevance[q].sum(), KS) for q in range(queries)]
        )
        ceilings = [*result["hit_rate_ceiling"].values(), *result["recall_ceiling"].values(), result["mAP_ceiling"]]
        np.testing.assert_allclose(ceilings, perfect.mean(axis=0)[:-1], rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), gallery=st.integers(1, 6))
def test_ties_are_the_mean_over_all_orders(data, gallery):
    scores = data.draw(st.lists(st.sampled_from([-math.inf, -1.0, 0.0, 0.5]), min_size=gallery, max_size=gallery))
    relevant = data.draw(st.lists(st.booleans(), min_size=gallery, max_size=gallery))
    failed = data.draw(st.integers(0, 2))
    total = sum(relevant) + failed
    if not total:
        return
    result = evaluate([scores], [relevant], KS, failed_relevant=[failed], samples=1)
    np.testing.assert_allclose(flat(result), over_all_orders(scores, relevant, total, KS), rtol=1e-12, atol=1e-14)


@settings(deadline=None, max_examples=40)
@given(
    relevance=st.integers(1, 12).flatmap(
        lambda g: st.lists(st.lists(st.booleans(), min_size=g, max_size=g), min_size=1, max_size=6)
    ),
    value=st.sampled_from([0.0, -3.5, math.inf, -math.inf]),
    failed_queries=st.integers(0, 3),
)
def test_constant_scores_are_exactly_chance(relevance, value, failed_queries):
    relevance = np.array(relevance)
    failed = np.ones(len(relevance), dtype=int)
    result = evaluate(
        np.full(relevance.shape, value), relevance, KS, failed_queries=failed_queries, failed_relevant=failed, samples=1
    )
    assert result["hit_rate"] == result["hit_rate_chance"]
    assert result["recall"] == result["recall_chance"]
    assert result["mAP"] == pytest.approx(result["mAP_chance"], rel=1e-12)
    assert result["MeanR"] == result["MeanR_chance"]


def test_chance_and_ceiling_of_the_papers_set():
    """20 categories of 15 test items each: the design's ceilings and chance levels of eq. 5."""
    labels = np.repeat(np.arange(20), 15)
    relevance = labels[:, None] == labels
    result = evaluate(np.zeros((300, 300)), relevance, [1, 10, 25], samples=10)
    assert list(result["recall_ceiling"].values()) == pytest.approx([1 / 15, 10 / 15, 1])
    assert list(result["recall_chance"].values()) == pytest.approx([1 / 300, 10 / 300, 25 / 300])
    assert result["hit_rate_chance"]["10"] == pytest.approx(1 - math.comb(285, 10) / math.comb(300, 10), rel=1e-12)
    assert result["hit_rate_ceiling"] == {"1": 1, "10": 1, "25": 1}


def test_chance_is_what_random_scores_reach():
    rng = np.random.default_rng(1)
    relevance = rng.random((4000, 30)) < 0.1
    result = evaluate(rng.normal(size=relevance.shape), relevance, KS)
    for name in ("hit_rate", "recall"):
        for k in result[name]:
            assert result[name][k] == pytest.approx(result[f"{name}_chance"][k], abs=0.025)
    assert result["mAP"] == pytest.approx(result["mAP_chance"], abs=0.02)
    assert result["MeanR"] == pytest.approx(result["MeanR_chance"], abs=0.5)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_order_of_the_gallery_and_monotone_transforms_change_nothing(seed):
    rng = np.random.default_rng(seed)
    queries, gallery = rng.integers(1, 9, size=2)
    scores = rng.integers(0, 4, size=(queries, gallery)).astype(float)
    relevance = rng.random((queries, gallery)) < 0.4
    relevance[0, 0] = True
    order = rng.permutation(gallery)
    result = evaluate(scores, relevance, KS, samples=20)
    for other in (
        evaluate(scores[:, order], relevance[:, order], KS, samples=20),
        evaluate(np.exp(scores) * 3 - 7, relevance, KS, samples=20),
        evaluate(scores.astype(int), relevance, KS, samples=20),
        evaluate(scores.astype(np.float32), relevance, KS, samples=20),
    ):
        np.testing.assert_allclose(flat(other), flat(result), rtol=1e-12)
        assert other["without_relevant"] == result["without_relevant"]


def test_failed_items_are_misses_and_queries_without_relevant_items_are_named():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    relevance = np.array([[True, False, False], [False, False, False], [False, False, False]])
    result = evaluate(scores, relevance, [1, 3], failed_queries=2, failed_relevant=[1, 1, 0])
    assert (result["queries"], result["counted"], result["failed_queries"], result["failed_relevant"]) == (3, 4, 2, 2)
    assert (result["unreachable"], result["without_relevant"]) == ([1], [2])
    assert result["hit_rate"] == {"1": 0.25, "3": 0.25} == result["hit_rate_ceiling"]
    assert result["recall"] == {"1": 0.125, "3": 0.125} == result["recall_ceiling"]
    assert result["mAP"] == 0.125 == result["mAP_ceiling"]
    assert result["MeanR"] == (1 + 4 + 4 + 4) / 4 and result["MedR"] == 4


def test_every_query_failed():
    result = evaluate(np.zeros((0, 5)), np.zeros((0, 5), dtype=bool), [1], failed_queries=3)
    assert (result["hit_rate"], result["mAP"], result["MedR"], result["counted"]) == ({"1": 0.0}, 0.0, 6.0, 3)


def test_k_above_the_gallery_returns_all_of_it():
    result = evaluate([[0.0, 1.0]], [[True, False]], [1, 25])
    assert result["hit_rate"] == {"1": 0.0, "25": 1.0} and result["hit_rate_chance"] == {"1": 0.5, "25": 1.0}
    assert result["recall_ceiling"]["25"] == 1.0


def test_infinities_rank_at_the_ends():
    result = evaluate([[-math.inf, 0.0, math.inf]], [[False, False, True]], [1])
    assert result["hit_rate"]["1"] == 1.0
    result = evaluate([[-math.inf, -math.inf, 0.0]], [[True, False, False]], [1, 2])
    assert result["hit_rate"] == {"1": 0.0, "2": 0.5}


def test_intervals_hold_the_value_and_are_seeded():
    rng = np.random.default_rng(2)
    relevance = rng.random((200, 40)) < 0.1
    relevance[:, 0] = True
    scores = rng.normal(size=relevance.shape) + relevance
    result, again, other = (evaluate(scores, relevance, [1, 10], seed=seed) for seed in (0, 0, 1))
    assert result == again and result["recall_interval"] != other["recall_interval"]
    for name in ("hit_rate", "recall"):
        for k, (low, high) in result[f"{name}_interval"].items():
            assert low < result[name][k] < high
    share, (low, high) = result["hit_rate"]["1"], result["hit_rate_interval"]["1"]
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(share * (1 - share) / 200), rel=0.15)
    low, high = result["mAP_interval"]
    assert low < result["mAP"] < high


def test_the_result_survives_json():
    result = evaluate(np.zeros((2, 3)), np.eye(2, 3, dtype=bool), np.array([1, 2]))
    assert json.loads(json.dumps(result)) == result


def test_bad_input_is_refused_with_sentences():
    scores, relevance = np.zeros((2, 3)), np.ones((2, 3), dtype=bool)
    nan = scores.copy()
    nan[1, 2] = math.nan
    for arguments, options, sentence in (
        ((nan, relevance, [1]), {}, "query 1 has NaN for item 2"),
        ((scores, relevance[:1], [1]), {}, r"must be \[Q, G\] alike"),
        ((scores, relevance.astype(int), [1]), {}, "relevance must be bool"),
        ((scores.astype(complex), relevance, [1]), {}, "must be real numbers"),
        ((np.zeros((2, 0)), np.zeros((2, 0), dtype=bool), [1]), {}, "gallery must hold an item"),
        ((scores, ~relevance, [1]), {}, "none of the 2 queries has one"),
        ((scores, relevance, [0]), {}, "k is a whole number from 1, but 0"),
        ((scores, relevance, [1.5]), {}, "k is a whole number from 1, but 1.5"),
        ((scores, relevance, [True]), {}, "k is a whole number from 1, but True"),
        ((scores, relevance, []), {}, "At least one k"),
        ((scores, relevance, [1]), {"failed_queries": -1}, "failed_queries must be 0 or more"),
        ((scores, relevance, [1]), {"failed_relevant": [1]}, "2 whole numbers from 0"),
        ((scores, relevance, [1]), {"failed_relevant": [-1, 0]}, "2 whole numbers from 0"),
        ((scores, relevance, [1]), {"samples": 0}, "at least 1 sample"),
    ):
        with pytest.raises(ValueError, match=sentence):
            evaluate(*arguments, **options)


def test_a_hit_in_a_random_top_is_hypergeometric():
    sizes = [(n, r, m) for n in (1, 2, 7, 60, 300) for r in (0, 1, 3, n) for m in (0, 1, 10, n) if max(r, m) <= n]
    n, r, m = np.array(sizes).T
    assert metrics._some(n, r, m) == pytest.approx(hypergeom.sf(0, n, r, m), rel=1e-12, abs=1e-14)
