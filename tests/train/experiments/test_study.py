"""The study: variants measured on the validation part alone, and gone on with."""

import csv
import json

import pytest
import torch
from rich.console import Console

from fmn.errors import InputError
from fmn.retrieval.network import FmnConfig
from fmn.train.data import load_training_set
from fmn.train.experiments.study import VARIANTS, Study, StudyRow, Variant, chosen_variants, study
from fmn.train.experiments.study_table import render, write_files
from fmn.train.remembering import fit_memory
from fmn.train.settings import TrainSettings, parted
from tests.train.test_run import make_cache

QUICK = {"common": 8, "hidden": 8, "epochs": 4, "batch": 8, "patience": 0}
FEW = (
    Variant("default", "", QUICK, None),
    Variant("exponent beta", "0", {**QUICK, "beta": 0.0}, None),
    Variant("slots", "pockets", {**QUICK, "slots": "pockets"}, None),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """No item of the test split: a study that touched it would fail."""
    folder = tmp_path_factory.mktemp("study") / "cache"
    return make_cache(folder, n=12, splits=lambda i: "val" if i % 3 == 2 else "train")


def test_every_variant_is_a_setting_that_can_be_fitted(cache, tmp_path):
    assert VARIANTS[0].setting == {}
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)
    quick = [each for each in VARIANTS if each.fit is not None and "exponent" not in each.setting]
    found = study(cache, tmp_path / "out", variants=quick, seeds=1, workers=1)
    assert not any(row.error for row in found.rows)
    by_descent = [each for each in VARIANTS if each.fit is None]
    assert {each.factor for each in by_descent} == {"without memory", "as printed"}
    for variant in by_descent:
        shape, schedule = parted(variant.setting)
        FmnConfig(**shape), TrainSettings(**schedule)


def test_a_middle_branch_is_fitted_where_s1_has_an_exponent(cache):
    data = load_training_set(cache, {"video": "toy", "audio": "toy"}, 0.2, torch.device("cpu"))
    network = fit_memory(data, seed=0, exponent=0.5, shrinkage=0.2)
    s1 = network.s1(data.held_video.features, data.held_audio.features)
    match = data.held_video.codes[:, None] == data.held_audio.codes[None, :]
    assert s1[match].mean() > s1[~match].mean() + 0.2


def test_factors_are_chosen_by_name():
    assert [each.factor for each in chosen_variants("kernel")] == ["default", *["kernel"] * 3]
    assert len(chosen_variants("")) == len(VARIANTS)
    with pytest.raises(InputError, match="colour"):
        chosen_variants("kernel,colour")


def test_a_study_leaves_a_table_and_goes_on(cache, tmp_path):
    out = tmp_path / "out"
    found = study(cache, out, variants=FEW, seeds=1, workers=1)
    assert "pockets" in found.rows[2].error and not found.rows[0].error
    place = out / "default" / "seed-0.json"
    before = place.stat().st_mtime_ns
    found = study(cache, out, variants=FEW[:2], seeds=2, workers=1)
    assert place.stat().st_mtime_ns == before  # a finished fitting is not done again
    default, without = found.rows
    told = [json.loads((out / "default" / f"seed-{seed}.json").read_text()) for seed in (0, 1)]
    assert default.values["mAP"] == [each["validation"]["mAP"] for each in told]
    assert all(each["validation"]["mAP"] == pytest.approx(each["validation_mAP"], abs=1e-6) for each in told)
    change = without.against(default, "mAP")
    pairs = zip(without.values["mAP"], default.values["mAP"], strict=True)
    assert change.mean == pytest.approx(sum(a - b for a, b in pairs) / 2)
    write_files(found, out)
    lines = list(csv.DictReader((out / "study.csv").open()))
    assert [line["factor"] for line in lines] == ["default", "exponent beta"]
    assert float(lines[0]["mAP"]) == pytest.approx(default.mean("mAP").mean, abs=1e-5)
    assert (out / "study.png").stat().st_size > 1000


def test_a_damaged_file_and_wrong_numbers_are_sentences(cache, tmp_path):
    out = tmp_path / "out"
    study(cache, out, variants=FEW[:1], seeds=1, workers=1)
    (out / "default" / "seed-0.json").write_text("{}")
    with pytest.raises(InputError, match="lacks what a fitting leaves"):
        study(cache, out, variants=FEW[:1], seeds=1, workers=1)
    with pytest.raises(InputError, match="--seeds"):
        study(cache, out, variants=FEW[:1], seeds=0)


def test_a_device_that_is_none_is_a_sentence_before_anything_is_written(cache, tmp_path):
    with pytest.raises(InputError, match="device"):
        study(cache, tmp_path / "out", variants=FEW, seeds=1, workers=1, device="abacus")
    assert not (tmp_path / "out").exists()


def test_without_a_default_nothing_is_measured_against_another_row(tmp_path):
    values = {"mAP": [0.5], "hit_rate@1": [0.5], "recall@10": [0.5], "recall@25": [0.5]}
    rows = [StudyRow(FEW[0], {}, [], "no default"), StudyRow(FEW[1], values, [1.0]), StudyRow(FEW[2], values, [1.0])]
    write_files(Study(rows, []), tmp_path)
    with (tmp_path / "study.csv").open() as handle:
        lines = list(csv.DictReader(handle))
    assert len(lines) == 2 and not any("mAP minus default" in line for line in lines)
    console = Console(width=100, record=True)
    console.print(render(Study(rows, [])))
    assert "no default" in console.export_text() and "+0.0" not in console.export_text()
