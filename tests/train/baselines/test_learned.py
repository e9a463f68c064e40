"""What holds for every learned system of the comparison: it learns, on any train split, the same for the same seed."""

import dataclasses
import inspect

import pytest
import torch

from fmn.retrieval.towers import TowersConfig, TwoTowers
from fmn.train.baselines.avlnet import SETTINGS as AVLNET
from fmn.train.baselines.avlnet import fit_avlnet
from fmn.train.baselines.descent import descend, passes
from fmn.train.baselines.semantic import SETTINGS as SEMANTIC
from fmn.train.baselines.semantic import fit_semantic
from fmn.train.baselines.vmnet import SETTINGS as VMNET
from fmn.train.baselines.vmnet import fit_vmnet
from fmn.train.data import validation_map

QUICK = {"steps": 3, "common": 16}
FITS = {
    "semantic": (fit_semantic, SEMANTIC, {}),
    "vmnet": (fit_vmnet, VMNET, {**QUICK, "hidden": 16}),
    "avlnet": (fit_avlnet, AVLNET, QUICK),
}


@pytest.fixture(params=FITS)
def system(request):
    return FITS[request.param]


def test_every_train_split_can_be_fitted_on(system, train_split):
    fit, _, quick = system
    towers = fit(train_split, seed=0, **quick)
    assert not towers.training
    with torch.no_grad():
        scores = towers.score(train_split.fit_video.features, train_split.fit_audio.features)
    assert scores.shape == (len(train_split.fit_video.ids), len(train_split.fit_audio.ids))
    assert torch.isfinite(scores).all()


def test_there_are_six_settings_and_each_is_one_of_the_fit(system):
    fit, settings, _ = system
    assert len(settings) == 6 and len({tuple(sorted(one.items())) for one in settings}) == 6
    for one in settings:
        inspect.signature(fit).bind("data", seed=0, **one)


def test_what_is_plain_is_learned(system, easy):
    fit, _, quick = system
    towers = fit(easy, seed=0, **({"steps": 80} if quick else {}))
    assert validation_map(towers, easy) > 0.8  # chance is about 0.3


def test_the_same_seed_gives_the_same_towers(system, easy):
    fit, _, quick = system
    first, again = (fit(easy, seed=5, **quick).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("name", ["vmnet", "avlnet"])
def test_another_seed_gives_other_towers(name, easy):
    fit, _, quick = FITS[name]
    first, other = (fit(easy, seed=seed, **quick).state_dict() for seed in (0, 1))
    assert not torch.equal(
        first["video.0.weight" if name == "vmnet" else "video.1.lead.weight"],
        other["video.0.weight" if name == "vmnet" else "video.1.lead.weight"],
    )


def test_the_fit_part_alone_sets_the_standardisers_and_ids_play_no_part(system, easy):
    fit, _, quick = system
    towers = fit(easy, seed=0, **quick)
    assert torch.allclose(towers.standard_video.mean, easy.fit_video.features.mean(0))
    renamed = dataclasses.replace(easy.fit_video, ids=["x"] * len(easy.fit_video.ids))
    again = fit(dataclasses.replace(easy, fit_video=renamed), seed=0, **quick)
    assert all(
        torch.equal(a, b) for a, b in zip(towers.state_dict().values(), again.state_dict().values(), strict=True)
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_towers_are_where_the_vectors_are(system, train_split):
    fit, _, quick = system

    def there(side):
        return dataclasses.replace(side, features=side.features.cuda())

    parts = {field.name: there(getattr(train_split, field.name)) for field in dataclasses.fields(train_split)}
    towers = fit(dataclasses.replace(train_split, **parts), seed=0, **quick)
    assert {value.device.type for value in towers.state_dict().values()} == {"cuda"}


def test_descent_adds_what_is_asked_of_each_modality_by_itself(easy):
    seen = []

    def structure(inputs, outputs):
        seen.append((inputs.shape, outputs.shape))
        return outputs.square().sum()

    def nothing(video, audio, video_codes, audio_codes):
        return (video.sum() + audio.sum()) * 0

    torch.manual_seed(0)
    towers = TwoTowers(TowersConfig("linear", 12, 12, 3))
    before = [tower.weight.norm().item() for tower in (towers.video, towers.audio)]
    none = dataclasses.replace(easy.held_video, codes=easy.held_video.codes[:0])
    bare = dataclasses.replace(easy, held_video=none)  # nothing is held out, so the last epoch is kept
    descend(towers, bare, nothing, structure=structure, seed=0, steps=100, batch=40, learning_rate=1e-2)
    assert seen == [((40, 12), (40, 3))] * 200
    for tower, norm in zip((towers.video, towers.audio), before, strict=True):
        assert tower.weight.norm().item() < 0.5 * norm


@pytest.mark.parametrize(
    "batch, steps, wanted", [(40, 90, (90, 30)), (16, 90, (30, 10)), (16, 91, (31, 11)), (1, 7, (30, 10))]
)
def test_passes_make_the_steps_and_no_fewer_than_the_least(easy, batch, steps, wanted):
    assert passes(easy, batch, steps) == wanted  # 40 items a side
