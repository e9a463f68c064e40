"""MuSimNet: the triplet loss against a plain loop, and a fitting that learns, repeats itself and says what it did."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fmn.errors import InputError
from fmn.extract.encoders.registry import open_encoder
from fmn.extract.fitting import musimnet as musimnet_fit
from fmn.extract.fitting.musimnet import fit_musimnet, triplet_loss
from fmn.extract.networks import musimnet
from fmn.extract.networks.musimnet import PATCH


@pytest.fixture
def small(monkeypatch):
    """The same network, narrow, and short epochs: what is tested does not depend on the size."""
    monkeypatch.setattr(musimnet, "WIDTHS", (4, 4, 4, 4, 8))
    monkeypatch.setattr(musimnet_fit, "LEAST_STEPS", 6)


def melodies(count, seed=0, kinds=3):
    """Spectrograms of made-up words: a kind is a path of a band through time."""
    draw = np.random.default_rng(seed)
    found, labels = [], []
    for k in range(count):
        kind = k % kinds
        length = int(draw.integers(60, 160))
        place = 40 + 30 * np.sin(np.linspace(0, (kind + 1) * 3, length))
        bands = np.exp(-((np.arange(80) - place[:, None]) ** 2) / 30)
        found.append((4 * bands - 1 + 0.3 * draw.normal(size=bands.shape)).astype(np.float32))
        labels.append("abc"[kind])
    return found, labels


def test_the_loss_is_the_plain_one():
    embedded = F.normalize(torch.randn(9, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    classes = torch.tensor([0, 0, 1, 1, 2, 2, 2, 3, 0])
    left = []
    for a in range(9):
        for p in range(9):
            for n in range(9):
                if a != p and classes[a] == classes[p] != classes[n]:
                    loss = float(embedded[a] @ embedded[n] - embedded[a] @ embedded[p]) + 0.2
                    left += [loss] if loss > 0 else []
    assert float(triplet_loss(embedded, classes)) == pytest.approx(sum(left) / len(left), rel=1e-4)
    assert float(triplet_loss(embedded, torch.arange(9))) == 0.0


def test_fitting_brings_recordings_of_one_label_together(small):
    found, labels = melodies(24)
    told = []
    network, report = fit_musimnet(
        found, labels, [k >= 18 for k in range(24)], minutes=5, seed=0, epochs=4, progress=lambda *one: told.append(one)
    )
    assert (report.method, report.classes, report.items, report.held_out) == ("labels", 3, 18, 6)
    assert (report.epochs, report.cut, report.warning) == (4, False, "")
    accuracies = [accuracy for _, accuracy in told]
    assert report.accuracy == max(accuracies) and told[report.best_epoch - 1][1] == report.accuracy
    assert report.accuracy >= 5 / 6
    assert network(torch.from_numpy(found[0][np.arange(PATCH) % len(found[0])][None])).shape == (1, 512)


def test_the_same_seed_gives_the_same_weights_and_held_out_ones_do_not_matter(small):
    found, labels = melodies(12)
    held = [k >= 9 for k in range(12)]

    def fitted(seed, items):
        return fit_musimnet(items, labels, held, minutes=5, seed=seed, epochs=1)[0].state_dict()

    torch.manual_seed(1)
    first = fitted(0, found)
    torch.manual_seed(2)
    second = fitted(0, [*found[:9], *melodies(3, seed=5)[0]])
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], fitted(1, found)["embedding.weight"])


def test_time_is_bounded_and_said(small):
    found, labels = melodies(9)
    _, report = fit_musimnet(found, labels, [False] * 9, minutes=1e-6, seed=0)
    assert (report.epochs, report.best_epoch, report.accuracy, report.cut) == (1, 1, None, True)


def test_without_labels_recordings_are_told_apart_with_a_warning(small):
    found, _ = melodies(6)
    _, report = fit_musimnet(found, [""] * 6, [k > 3 for k in range(6)], minutes=5, seed=0, epochs=1)
    assert (report.method, report.classes, report.held_out) == ("items", 4, 0) and "without labels" in report.warning


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_fit_on_leaves_random_weights_with_a_warning(small, count):
    found, labels = melodies(count)
    _, report = fit_musimnet(found, labels, [False] * count, minutes=5, seed=0)
    assert report.method == "none" and "untrained" in report.warning


def test_the_encoder_is_fitted_on_the_train_split_and_kept_in_the_cache(small, tools, media, tmp_path):
    _, record, said = tools.settled("audio", "musimnet", tmp_path, media.sounds, fit_minutes=0.001)
    name = record.weights["files"]["network"]
    assert (tmp_path / name).is_file() and record.weights["sha256"]["network"][:12] in name
    assert record.notes["fitted_on"]["method"] == "labels" and record.warning == ""
    assert any("cut at --fit-minutes" in text for text in said)
    encoder = open_encoder(record, tmp_path, "cpu")
    good, bad = encoder.encode([media.sounds[0], media.bad_sound])
    assert media.is_bad(bad) and good.features.shape == (512,)
    assert np.linalg.norm(good.features) == pytest.approx(512**0.5, rel=1e-4)
    again = open_encoder(record, tmp_path, "cpu").encode([media.sounds[0]])[0]
    assert (again.features == good.features).all()
    given = tools.settled("audio", "musimnet", tmp_path, audio_weights=str(tmp_path / name))[1]
    assert given.fingerprint == record.fingerprint
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="does not exist"):
        open_encoder(record, tmp_path, "cpu")
