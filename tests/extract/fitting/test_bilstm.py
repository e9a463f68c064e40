"""Fitting on small made-up words: it learns, keeps the best epoch, repeats itself, and says what it could not do."""

import dataclasses

import numpy as np
import pytest
import torch

from fmn.errors import InputError
from fmn.extract.fitting.augment import Augmentation
from fmn.extract.fitting.bilstm import FitSettings, fit_bilstm
from fmn.extract.media.mfcc import normalise, with_slopes
from fmn.extract.networks.bilstm import untrained
from fmn.extract.weights.bilstm_file import bilstm_sha256, load_bilstm, save_bilstm

SMALL = FitSettings(epochs=4, batch=8, learning_rate=1e-2, units=12, stack=3, minutes=5, bf16=False)


def words(count, kinds=("open", "cut", "pour"), seed=0):
    """Utterances of made-up words: a kind is one path of the cepstra through time, at any speed and with noise."""
    paths = np.random.default_rng(99).normal(size=(len(kinds), 6, 13))
    draw = np.random.default_rng(seed)
    items, labels = [], []
    for k in range(count):
        kind = k % len(kinds)
        length = int(draw.integers(18, 40))
        at = np.linspace(0, 5, length)
        static = np.stack([np.interp(at, np.arange(6), paths[kind][:, c]) for c in range(13)], axis=1)
        items.append(normalise(with_slopes(static + 0.7 * draw.normal(size=static.shape))))
        labels.append(kinds[kind])
    return items, labels


def nearest_is_same(model, items, labels):
    embedded = model.embed(items)
    distances = np.linalg.norm(embedded[:, None] - embedded[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.mean([labels[i] == labels[k] for i, k in enumerate(distances.argmin(axis=1))])


def test_fitting_on_labels_separates_unseen_utterances_better_than_random_weights():
    items, labels = words(48)
    held_out = [k >= 36 for k in range(48)]
    model, report = fit_bilstm(items, labels, held_out, SMALL)
    unseen, truth = words(45, seed=1)
    before = nearest_is_same(untrained(SMALL.seed, SMALL.units, SMALL.stack, SMALL.pooling), unseen, truth)
    after = nearest_is_same(model, unseen, truth)
    assert after > before
    assert after > 0.85
    assert (report.method, report.classes, report.items, report.held_out, report.unused) == ("labels", 3, 36, 12, 0)
    assert (report.cut, report.warning) == (False, "")
    assert report.accuracy is not None and report.accuracy > 0.9


def test_the_best_epoch_on_the_held_out_part_is_kept():
    items, labels = words(30)
    seen = []
    _, report = fit_bilstm(items, labels, [k >= 21 for k in range(30)], SMALL, seen.append)
    assert len(seen) == report.epochs
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4]
    accuracies = [epoch.accuracy for epoch in seen]
    best = max(range(4), key=lambda k: (accuracies[k], -seen[k].validation_loss))
    assert (report.best_epoch, report.accuracy) == (best + 1, accuracies[best])


def test_held_out_utterances_are_never_fitted_on():
    items, labels = words(24)
    held_out = [k >= 18 for k in range(24)]
    first, _ = fit_bilstm(items, labels, held_out, dataclasses.replace(SMALL, epochs=1))
    others = items[:18] + words(6, seed=5)[0]
    second, _ = fit_bilstm(others, labels, held_out, dataclasses.replace(SMALL, epochs=1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_same_seed_same_weights_and_the_global_generator_is_left_alone():
    items, labels = words(18)
    short = dataclasses.replace(SMALL, epochs=2)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, _ = fit_bilstm(items, labels, [False] * 18, short)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(4)
    same, _ = fit_bilstm(items, labels, [False] * 18, short)
    other, _ = fit_bilstm(items, labels, [False] * 18, dataclasses.replace(short, seed=1))
    assert bilstm_sha256(one) == bilstm_sha256(same) != bilstm_sha256(other)


def test_what_it_was_fitted_on_is_in_the_file(tmp_path):
    items, labels = words(12)
    model, report = fit_bilstm(items, labels, [False] * 12, dataclasses.replace(SMALL, epochs=1))
    save_bilstm(model, tmp_path / "audio.safetensors")
    facts = load_bilstm(tmp_path / "audio.safetensors").fitted_on
    assert (facts["method"], facts["classes"], facts["items"], facts["held_out"]) == ("labels", 3, 12, 0)
    assert facts["settings"]["augmentation"]["warp"] == SMALL.augmentation.warp
    assert (report.best_epoch, report.accuracy) == (1, None)


def test_unlabelled_and_unseen_labels_are_counted():
    items, labels = words(18)
    labels[0] = ""
    labels[17] = "stir"
    held_out = [k >= 15 for k in range(18)]
    _, report = fit_bilstm(items, labels, held_out, dataclasses.replace(SMALL, epochs=1))
    assert (report.items, report.held_out, report.unused) == (14, 2, 2)


def test_without_labels_utterances_are_told_apart_with_a_warning():
    items, _ = words(15)
    model, report = fit_bilstm(items, [""] * 15, [k > 10 for k in range(15)], dataclasses.replace(SMALL, epochs=2))
    assert (report.method, report.classes, report.items, report.held_out) == ("items", 11, 11, 0)
    assert "without labels" in report.warning
    assert bilstm_sha256(model) != bilstm_sha256(untrained(SMALL.seed, SMALL.units, SMALL.stack, SMALL.pooling))


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_fit_on_leaves_random_weights_with_a_warning(count):
    items, labels = words(count)
    model, report = fit_bilstm(items, labels, [False] * count, SMALL)
    assert (report.method, report.epochs, report.best_epoch, report.accuracy) == ("none", 0, 0, None)
    assert "untrained" in report.warning
    assert bilstm_sha256(model) == bilstm_sha256(untrained(SMALL.seed, SMALL.units, SMALL.stack, SMALL.pooling))


def test_the_time_limit_ends_it_after_an_epoch_and_is_reported():
    items, labels = words(12)
    model, report = fit_bilstm(items, labels, [False] * 12, dataclasses.replace(SMALL, minutes=1e-9))
    assert (report.epochs, report.best_epoch, report.cut) == (1, 1, True)
    assert model.fitted_on["cut"] is True


@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no bf16 LSTM")
def test_bfloat16_fits_too():
    items, labels = words(12)
    seen = []
    model, _ = fit_bilstm(items, labels, [False] * 12, dataclasses.replace(SMALL, epochs=1, bf16=True), seen.append)
    assert np.isfinite(seen[0].loss)
    assert np.isfinite(model.embed(items)).all()


def test_arguments_that_do_not_match_are_refused():
    items, labels = words(4)
    with pytest.raises(InputError, match="3 labels and 4 marks for 4 utterances"):
        fit_bilstm(items, labels[:3], [False] * 4, SMALL)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": 0.0}, {"minutes": 0.0}, {"weight_decay": -1.0}, {"smoothing": 1.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="Fitting needs"):
        dataclasses.replace(SMALL, **wrong)


def test_an_augmentation_of_nothing_is_allowed():
    plain = Augmentation(speed=(1.0, 1.0), warp=0, noise=0, time_masks=0, band_masks=0)
    items, labels = words(12)
    _, report = fit_bilstm(items, labels, [False] * 12, dataclasses.replace(SMALL, epochs=1, augmentation=plain))
    assert report.epochs == 1
