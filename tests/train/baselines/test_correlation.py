"""CCA, KCCA, DCCA and CFA against closed forms over all matched pairs written out."""

import inspect
import re
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmn.errors import InputError
from fmn.install import hint
from fmn.retrieval.towers import TowersConfig, TwoTowers
from fmn.train.baselines import cca, cfa, dcca, kcca
from fmn.train.baselines.pairs import pair_rows
from fmn.train.data import Side, TrainingSet, validation_map

FITS = {"cca": cca.fit_cca, "kcca": kcca.fit_kcca, "dcca": dcca.fit_dcca, "cfa": cfa.fit_cfa}
QUICK = {"cca": {}, "kcca": {}, "dcca": {"hidden": 8, "steps": 2}, "cfa": {}}


def side(features, codes):
    features = torch.as_tensor(np.asarray(features), dtype=torch.float32)
    return Side(features, torch.as_tensor(np.asarray(codes), dtype=torch.int64), [str(i) for i in range(len(codes))])


def training_set(video, audio, video_codes, audio_codes, held=None):
    blank = (np.zeros((0, np.shape(video)[1])), np.zeros((0, np.shape(audio)[1])), [], [])
    kept = held or blank
    return TrainingSet(
        side(video, video_codes), side(audio, audio_codes), side(kept[0], kept[2]), side(kept[1], kept[3])
    )


def latent(seed, n, correlations, dims=(6, 5)):
    """n pairs whose canonical correlations are `correlations` in the population: Gaussian latents, mixed at random."""
    random = np.random.default_rng(seed)
    left = random.normal(size=(n, dims[0]))
    right = random.normal(size=(n, dims[1]))
    for k, value in enumerate(correlations):
        right[:, k] = value * left[:, k] + np.sqrt(1 - value**2) * right[:, k]
    return left @ random.normal(size=(dims[0],) * 2) + 3, right @ random.normal(size=(dims[1],) * 2) - 1


def categories(seed, counts=((3, 4), (2, 5), (4, 1), (3, 3)), dims=(6, 5), spread=1.5):
    """Features of categories: counts[c] is how many (videos, utterances) category c has."""
    random = np.random.default_rng(seed)
    codes = [np.repeat(np.arange(len(counts)), [pair[which] for pair in counts]) for which in (0, 1)]
    centres = [spread * random.normal(size=(len(counts), dim)) for dim in dims]
    video, audio = (
        centre[of] + random.normal(size=(len(of), dim)) for centre, of, dim in zip(centres, codes, dims, strict=True)
    )
    return video, audio, codes[0], codes[1]


def written_out(video, audio, video_codes, audio_codes):
    """All matched pairs, one row each."""
    left, right = [], []
    for i, code in enumerate(video_codes):
        for j, other in enumerate(audio_codes):
            if code == other:
                left.append(video[i])
                right.append(audio[j])
    return np.array(left), np.array(right)


def whitened(left, right, ridge=0.0):
    """S_vv^(-1/2) S_va S_aa^(-1/2) of rows, each S shrunk by `ridge` towards its mean variance."""
    left, right = left - left.mean(0), right - right.mean(0)
    roots = []
    for rows in (left, right):
        covariance = rows.T @ rows / len(rows)
        eye = np.eye(len(covariance))
        values, vectors = np.linalg.eigh((1 - ridge) * covariance + ridge * np.trace(covariance) / len(eye) * eye)
        roots.append(vectors / np.sqrt(values) @ vectors.T)
    return roots[0] @ (left.T @ right / len(left)) @ roots[1]


def outputs(towers, data):
    """What the towers give before it is brought to unit length."""
    with torch.no_grad():
        video = towers.video(towers.standard_video(data.fit_video.features))
        audio = towers.audio(towers.standard_audio(data.fit_audio.features))
    return video.double().numpy(), audio.double().numpy()


def column_correlations(left, right):
    return np.array([np.corrcoef(left[:, k], right[:, k])[0, 1] for k in range(left.shape[1])])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=14),
    st.lists(st.integers(0, 4), min_size=2, max_size=14),
    st.integers(0, 10_000),
)
def test_the_few_rows_say_what_all_pairs_say(video_codes, audio_codes, seed):
    random = np.random.default_rng(seed)
    video, audio = random.normal(size=(len(video_codes), 3)), random.normal(size=(len(audio_codes), 4))
    codes = np.array(video_codes), np.array(audio_codes)
    if len(set(video_codes) & set(audio_codes)) < 2:
        with pytest.raises(InputError, match="at least two labels or pairs"):
            pair_rows(video, audio, *codes)
        return
    left, right = written_out(video, audio, *codes)
    rows = pair_rows(video, audio, *codes)
    assert rows.pairs == len(left)
    assert np.allclose(rows.video_mean, left.mean(0)) and np.allclose(rows.audio_mean, right.mean(0))
    found = np.concatenate(rows.stacked(), axis=1)
    wanted = np.concatenate([left - left.mean(0), right - right.mean(0)], axis=1)
    assert np.allclose(found.T @ found, wanted.T @ wanted)
    assert np.allclose(rows.shared_video.T @ rows.shared_audio, wanted[:, :3].T @ wanted[:, 3:])


def test_cca_finds_known_correlations():
    known = (0.9, 0.6, 0.3)
    video, audio = latent(0, 3000, known)
    data = training_set(video, audio, np.arange(3000), np.arange(3000))
    towers = cca.fit_cca(data, seed=0, ridge=0.0, columns=3, power=0.0)
    found = column_correlations(*outputs(towers, data))
    exact = np.linalg.svd(whitened(video, audio), compute_uv=False)[:3]
    assert found == pytest.approx(exact, abs=1e-4)
    assert found == pytest.approx(np.array(known), abs=0.05)


def test_cca_of_categories_is_that_of_all_pairs_written_out():
    given_ = categories(1)
    data = training_set(*given_)
    towers = cca.fit_cca(data, seed=0, ridge=0.0, power=0.0)
    left, right = written_out(*outputs(towers, data), *given_[2:])
    exact = np.linalg.svd(whitened(*written_out(*given_)), compute_uv=False)[:3]
    assert left.shape[1] == 3  # four categories leave three correlations
    assert column_correlations(left, right) == pytest.approx(exact, abs=1e-4)
    assert np.allclose(left.T @ left / (len(left) - 1), np.eye(3), atol=1e-4)
    assert np.allclose(left.mean(0), 0, atol=1e-5) and np.allclose(right.mean(0), 0, atol=1e-5)
    scaled = outputs(cca.fit_cca(data, seed=0, ridge=0.0, power=2.0), data)[0]
    assert scaled == pytest.approx(outputs(towers, data)[0] * exact**2, abs=1e-3)


def test_ridge_cca_is_the_closed_form():
    given_ = categories(2)
    data = training_set(*given_)
    # All components are kept and their variances are made 1 on average over the items, so that the ridge is known.
    standard = [(x - x.mean(0)) / x.std(0) for x in given_[:2]]
    first, second = written_out(*standard, *given_[2:])
    first, second = first - first.mean(0), second - second.mean(0)

    def shrunk(rows):
        return 0.7 * rows.T @ rows / (len(rows) - 1) + 0.3 * np.eye(rows.shape[1])

    left, right = (np.linalg.inv(np.linalg.cholesky(shrunk(rows))) for rows in (first, second))
    u, values, v = np.linalg.svd(left @ (first.T @ second / (len(first) - 1)) @ right.T)
    towers = cca.fit_cca(data, seed=0, ridge=0.3, power=1.0)
    video, audio = outputs(towers, data)
    wanted_video = (standard[0] - written_out(*standard, *given_[2:])[0].mean(0)) @ left.T @ u[:, :3] * values[:3]
    signs = np.sign((video * wanted_video).sum(0))
    assert video * signs == pytest.approx(wanted_video, abs=1e-4)
    wanted_audio = (standard[1] - written_out(*standard, *given_[2:])[1].mean(0)) @ right.T @ v[:3].T * values[:3]
    assert audio * signs == pytest.approx(wanted_audio, abs=1e-4)


def test_kcca_is_that_of_cca_zoo_on_all_pairs_written_out():
    from cca_zoo.nonparametric import KCCA

    given_ = categories(3)
    data = training_set(*given_)
    towers = kcca.fit_kcca(data, seed=0, width=1.2, ridge=0.05, power=0.0)
    standard = [(x - x.mean(0)) / x.std(0) for x in given_[:2]]
    gammas = [1 / (2 * (1.2 * kcca.median_distance(x)) ** 2 * x.shape[1]) for x in standard]
    left, right = written_out(*standard, *given_[2:])
    oracle = KCCA(n_components=3, kernel="rbf", gamma=gammas, shrinkage=0.05).fit([left, right])
    wanted = oracle.transform([left, right])
    found = written_out(*outputs(towers, data), *given_[2:])
    for have, want in zip(found, wanted, strict=True):
        assert np.abs(column_correlations(have, want)) == pytest.approx(np.ones(3), abs=1e-3)
    assert column_correlations(*found) == pytest.approx(column_correlations(*wanted), abs=1e-3)


def test_kcca_with_a_wide_kernel_is_linear_cca():
    video, audio = latent(4, 400, (0.9, 0.7), dims=(2, 2))
    data = training_set(video, audio, np.arange(400), np.arange(400))
    towers = kcca.fit_kcca(data, seed=0, width=30.0, ridge=1e-5, columns=2, power=0.0).double()
    with torch.no_grad():
        found = [
            towers.video(towers.standard_video(torch.from_numpy(video))).numpy(),
            towers.audio(towers.standard_audio(torch.from_numpy(audio))).numpy(),
        ]
    exact = np.linalg.svd(whitened(video, audio), compute_uv=False)
    assert column_correlations(*found) == pytest.approx(exact, abs=5e-3)


def test_kcca_draws_landmarks_by_seed_where_there_are_too_many(monkeypatch):
    given_ = categories(5, counts=[(12, 12)] * 4)
    data = training_set(*given_)
    monkeypatch.setattr(kcca, "MOST_LANDMARKS", 20)
    first, again, other = (kcca.fit_kcca(data, seed=seed, ridge=0.01) for seed in (0, 0, 1))
    assert first.config.landmarks == 20
    assert torch.equal(first.video[0].landmarks, again.video[0].landmarks)
    assert not torch.equal(first.video[0].landmarks, other.video[0].landmarks)
    assert column_correlations(*written_out(*outputs(first, data), *given_[2:]))[0] > 0.7


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 4), st.integers(0, 10_000), st.floats(0.01, 1))
def test_the_loss_of_dcca_is_minus_the_correlations_of_all_pairs(columns, seed, ridge):
    random = np.random.default_rng(seed)
    codes = random.integers(0, 5, 12), random.integers(0, 5, 12)
    codes[1][:2] = codes[0][:2]
    video, audio = random.normal(size=(12, columns)), random.normal(size=(12, columns)) * 7 + 2
    tensors = [torch.from_numpy(x) for x in (video, audio, *codes)]
    found = dcca.correlation_loss(*tensors, ridge).item()
    left, right = written_out(video, audio, *codes)
    assert found == pytest.approx(-np.linalg.svd(whitened(left, right, ridge), compute_uv=False).sum(), abs=1e-6)
    assert found <= 0


def test_the_loss_of_dcca_does_not_see_linear_maps_and_has_a_gradient():
    video, audio = (torch.from_numpy(x) for x in latent(6, 60, (0.9, 0.5), dims=(3, 3)))
    codes = torch.arange(60)
    video.requires_grad_(True)
    loss = dcca.correlation_loss(video, audio, codes, codes, 1e-9)
    turned = torch.tensor([[2.0, -1, 0], [1, 1, -1], [0, 1, 3]], dtype=torch.float64)
    mapped = dcca.correlation_loss(video @ turned + 4, audio * -3, codes, codes, 1e-9)
    assert mapped.item() == pytest.approx(loss.item(), abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, video)
    step = torch.zeros_like(video)
    step[7, 1] = 1e-5
    up, down = (dcca.correlation_loss(video + sign * step, audio, codes, codes, 1e-9).item() for sign in (1, -1))
    assert gradient[7, 1].item() == pytest.approx((up - down) / 2e-5, rel=1e-4)


def test_dcca_ends_in_the_cca_of_its_outputs_and_learns_what_is_not_linear():
    random = np.random.default_rng(7)
    corners = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]]) * 2.0

    def draw(n):
        of = np.tile(np.arange(4), n)
        # Which diagonal a video's corner is on is no linear function of it; audio says it outright.
        video = corners[of] + 0.3 * random.normal(size=(len(of), 2))
        audio = np.where(of < 2, 1.0, -1.0)[:, None] * [1.0, 0.5] + 0.3 * random.normal(size=(len(of), 2))
        return video, audio, of // 2, of // 2

    fit, held = draw(12), draw(6)
    fit, held = ((*part[:2], part[2], part[3]) for part in (fit, held))
    data = training_set(*fit, held=held)
    towers = dcca.fit_dcca(data, seed=0, hidden=32, dropout=0.0, ridge=0.01, learning_rate=1e-2, power=0.0, steps=60)
    assert validation_map(towers, data) > 0.95
    assert validation_map(cca.fit_cca(data, seed=0), data) < 0.8
    left, right = written_out(*outputs(towers, data), *fit[2:])
    assert np.allclose(left.mean(0), 0, atol=1e-4) and np.allclose(right.mean(0), 0, atol=1e-4)
    assert column_correlations(left, right)[0] > 0.8


def test_the_cca_that_ends_dcca_is_the_closed_form():
    given_ = categories(13, dims=(6, 5))
    data = training_set(*given_)
    torch.manual_seed(0)
    towers = TwoTowers(TowersConfig("perceptron", 6, 5, common=3, hidden=9)).eval()
    exact = np.linalg.svd(whitened(*written_out(*outputs(towers, data), *given_[2:])), compute_uv=False)
    left, right = written_out(*outputs(dcca.with_cca(towers, data, 0.0, 0.0), data), *given_[2:])
    assert column_correlations(left, right) == pytest.approx(exact, abs=1e-4)
    assert np.allclose(left.T @ left / (len(left) - 1), np.eye(3), atol=1e-3)
    assert np.allclose(left.mean(0), 0, atol=1e-4) and np.allclose(right.mean(0), 0, atol=1e-4)


def test_cfa_is_the_closed_form_and_the_least():
    video, audio = latent(8, 200, (0.9, 0.6, 0.3), dims=(4, 4))
    data = training_set(video, audio, np.arange(200), np.arange(200))
    towers = cfa.fit_cfa(data, seed=0, columns=4, even=0.0)
    a, b = towers.video.weight.detach().double().numpy().T, towers.audio.weight.detach().double().numpy().T
    x, y = ((rows - rows.mean(0)) / rows.std(0) for rows in (video, audio))
    assert np.allclose(a.T @ a, np.eye(4), atol=1e-5) and np.allclose(b.T @ b, np.eye(4), atol=1e-5)
    found = np.linalg.norm(x @ a - y @ b)
    values = np.linalg.svd(x.T @ y, compute_uv=False)
    assert found**2 == pytest.approx((x**2).sum() + (y**2).sum() - 2 * values.sum(), rel=1e-5)
    random = np.random.default_rng(0)
    for _ in range(20):
        p, q = (np.linalg.qr(random.normal(size=(4, 4)))[0] for _ in range(2))
        assert found <= np.linalg.norm(x @ p - y @ q)


def test_cfa_of_categories_is_that_of_all_pairs_written_out():
    given_ = categories(9)
    data = training_set(*given_)
    towers = cfa.fit_cfa(data, seed=0, even=0.0)
    x, y = written_out(*((rows - rows.mean(0)) / rows.std(0) for rows in given_[:2]), *given_[2:])
    u, _, v = np.linalg.svd((x - x.mean(0)).T @ (y - y.mean(0)))
    for layer, wanted in ((towers.video, u[:, :3]), (towers.audio, v[:3].T)):
        overlap = np.abs((layer.weight.detach().double().numpy().T * wanted).sum(0))
        assert overlap == pytest.approx(np.ones(3), abs=1e-5)
    left, right = written_out(*outputs(cfa.fit_cfa(data, seed=0, even=1.0), data), *given_[2:])
    assert left.std(0) == pytest.approx(np.ones(3), abs=1e-4) and right.std(0) == pytest.approx(np.ones(3), abs=1e-4)


@pytest.mark.parametrize("name", FITS)
def test_the_same_seed_gives_the_same_towers(name):
    given_ = categories(10, counts=[(5, 5)] * 3, spread=3)
    data = training_set(*given_, held=categories(10, counts=[(2, 2)] * 3, spread=3))
    states = [FITS[name](data, seed=seed, **QUICK[name]).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    if name == "dcca":
        assert any(not torch.equal(states[0][key], states[2][key]) for key in states[0])


@pytest.mark.parametrize("name", FITS)
@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=6),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.booleans(),
    st.integers(0, 1000),
)
def test_every_shape_is_fitted_or_refused_in_a_sentence(name, counts, dims, constant, seed):
    video, audio, video_codes, audio_codes = categories(seed, counts=[*counts, (1, 1), (2, 1)], dims=dims)
    if constant:
        video[:, 0], audio[:, -1] = 3.0, 0.0
    data = training_set(video, audio, video_codes, audio_codes)
    try:
        towers = FITS[name](data, seed=seed, **QUICK[name])
    except InputError as error:
        assert "that differ" in str(error) and constant and 1 in dims
        return
    scores = towers.score(data.fit_video.features, data.fit_audio.features)
    assert scores.shape == (len(video), len(audio)) and bool(torch.isfinite(scores).all())
    assert not towers.training


@pytest.mark.parametrize("name", FITS)
def test_pairs_that_occur_once_a_side_are_fitted(name):
    video, audio = latent(11, 40, (0.95, 0.9, 0.9), dims=(12, 12))
    data = training_set(
        video[:30], audio[:30], range(30), range(30), held=(video[30:], audio[30:], range(10), range(10))
    )
    towers = FITS[name](data, seed=0, **QUICK[name])
    assert np.isfinite(validation_map(towers, data)) and towers.config.common <= 12 + 17


@pytest.mark.parametrize("name", FITS)
def test_what_cannot_be_fitted_is_said(name):
    data = training_set(np.eye(3), np.eye(3), [0, 1, 2], [0, 3, 4])
    with pytest.raises(InputError, match="at least two labels or pairs that both sides have; the part to fit on has 1"):
        FITS[name](data, seed=0)


@pytest.mark.parametrize("name", ["cca", "kcca", "dcca"])
def test_a_missing_cca_zoo_is_said(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "cca_zoo.linear", None)
    with pytest.raises(InputError, match=re.escape(hint("compare"))):
        FITS[name](training_set(*categories(12)), seed=0, **QUICK[name])


@pytest.mark.parametrize("module", [cca, kcca, dcca, cfa])
def test_there_are_six_settings_that_the_fit_takes(module):
    fit = FITS[module.__name__.rsplit(".", 1)[1]]
    allowed = set(inspect.signature(fit).parameters) - {"data", "seed"}
    assert len(module.SETTINGS) == 6 == len({tuple(sorted(s.items())) for s in module.SETTINGS})
    assert all(set(candidate) <= allowed for candidate in module.SETTINGS)
