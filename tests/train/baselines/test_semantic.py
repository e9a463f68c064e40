"""Semantic matching against its definition and against scikit-learn's regression."""

import math

import pytest
import torch

from fmn.errors import InputError
from fmn.train.baselines.semantic import MOST_CLASSES, fit_semantic, logistic_regression


def problem(n, dim, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(n) % count
    return torch.randn(n, dim, generator=generator) + 0.5 * torch.eye(dim)[classes], classes


@pytest.mark.parametrize("n, dim", [(60, 10), (15, 40)])  # more items than columns, and fewer
@pytest.mark.parametrize("strength", [0.01, 1.0, 10.0])
def test_the_regression_is_that_of_scikit_learn(n, dim, strength):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, classes = problem(n, dim, 4)
    weight, bias = logistic_regression(features, classes, 4, strength, steps=500)
    peer = linear_model.LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
    peer.fit(features.double().numpy(), classes.numpy())
    found = torch.softmax(features.double() @ weight.T + bias, 1)
    wanted = torch.from_numpy(peer.predict_proba(features.double().numpy()))
    assert torch.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("n, dim", [(30, 6), (9, 20)])
def test_the_regression_is_at_a_minimum(n, dim):
    features, classes = problem(n, dim, 3)
    weight, bias = logistic_regression(features, classes, 3, 2.0, steps=500)

    def plain(weight, bias):
        total = 0.0
        for x, code in zip(features.double().tolist(), classes.tolist(), strict=True):
            logits = [sum(a * b for a, b in zip(w, x, strict=True)) + c for w, c in zip(weight, bias, strict=True)]
            total += math.log(sum(math.exp(value) for value in logits)) - logits[code]
        return 2.0 * total + sum(value * value for row in weight for value in row) / 2

    least = plain(weight.tolist(), bias.tolist())
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        step = 0.01 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        turn = 0.01 * torch.randn(bias.shape, generator=generator, dtype=torch.float64)
        assert plain((weight + step).tolist(), (bias + turn).tolist()) > least


def test_a_score_is_the_inner_product_of_the_posteriors(easy):
    towers = fit_semantic(easy, seed=0)
    video, audio = easy.held_video.features, easy.held_audio.features
    with torch.no_grad():
        scores, left, right = towers.score(video, audio), towers.embed_video(video), towers.embed_audio(audio)
    assert torch.allclose(left.sum(1), torch.ones(len(left))) and torch.allclose(right.sum(1), torch.ones(len(right)))
    plain = sum(a * b for a, b in zip(left[0].tolist(), right[1].tolist(), strict=True))
    assert scores[0, 1].item() == pytest.approx(plain, rel=1e-5)


def test_the_temperature_divides_the_logits(easy):
    plain, soft = fit_semantic(easy, seed=0), fit_semantic(easy, seed=0, temperature=4.0)
    assert torch.allclose(plain.video.weight, 4 * soft.video.weight, atol=1e-6)
    assert torch.allclose(plain.audio.bias, 4 * soft.audio.bias, atol=1e-6)


def test_a_class_that_a_modality_lacks_is_never_its_answer(lopsided):
    towers = fit_semantic(lopsided, seed=0)
    assert towers.config.common == 4  # 0, 1, 2 and 3
    with torch.no_grad():
        video = towers.embed_video(lopsided.fit_video.features)
        audio = towers.embed_audio(lopsided.fit_audio.features)
    assert (video[:, 3] == 0).all() and (audio[:, 2] == 0).all()
    assert (video.argmax(1) == lopsided.fit_video.codes).all()
    assert (audio.argmax(1) == lopsided.fit_audio.codes).all()


@pytest.mark.parametrize("setting", [{"strength": 0.0}, {"temperature": -1.0}, {"strength": float("nan")}])
def test_what_makes_no_sense_is_refused(easy, setting):
    with pytest.raises(InputError, match="above 0"):
        fit_semantic(easy, seed=0, **setting)


def test_too_many_classes_are_refused(many_pairs):
    with pytest.raises(InputError, match=f"up to {MOST_CLASSES} classes"):
        fit_semantic(many_pairs, seed=0)
