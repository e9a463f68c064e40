"""A comparison of small systems, once, and what it says and leaves."""

import csv
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from experiment_stubs import FMN, LINE, MEMORY, NEVER, OWN, PLAIN, QUICK, SOMETIMES, WITHOUT, make_cache
from rich.console import Console

from fmn.cache import CacheWriter, FeatureCache
from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval import Retriever, load
from fmn.retrieval.indexing import IndexedRetriever
from fmn.retrieval.protocol import evaluate_cache
from fmn.sealed import without_seal
from fmn.train.baselines.descent import passes
from fmn.train.choosing import PARTS as PARTS_CHOSEN_ON
from fmn.train.choosing import choosing_sets
from fmn.train.data import load_training_set, validation_map
from fmn.train.experiments import units
from fmn.train.experiments.comparison import compare
from fmn.train.experiments.comparison_files import escape, write_files
from fmn.train.experiments.comparison_report import render
from fmn.train.experiments.experiment_folder import folder_of
from fmn.train.experiments.findings import PARTS, difference, protocol_lines, relative_gain
from fmn.train.experiments.study import study
from fmn.train.fit import fit
from fmn.train.remembering import remember, whole

ALL = [LINE, PLAIN, OWN, NEVER, SOMETIMES, FMN, WITHOUT]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(cache, folder, comparison), which no test changes."""
    folder = tmp_path_factory.mktemp("compared")
    cache = make_cache(folder / "cache")
    return cache, folder / "out", compare(cache, folder / "out", systems=ALL, seeds=3, ks=(1, 3), workers=1)


def lines(path):
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_each_run_loads_and_scores_what_its_result_says(done):
    cache, out, comparison = done
    assert [len(row.results) for row in comparison.rows] == [3, 1, 0, 0, 3, 3, 3, *[3, 1, 3, 3, 3]]
    for path in sorted(out.glob("*/seed-*")):
        result = json.loads((path / "result.json").read_text())
        retriever = load(path)
        retriever.check(cache)
        report = evaluate_cache(cache, retriever, (1, 3))
        assert json.loads(json.dumps(report.directions)) == result["directions"]
        assert retriever.facts["about"]["system"] == result["system"]
        assert retriever.facts["about"]["kind"] == ("fmn" if result["system"].startswith("FMN") else "towers")
    assert comparison.rows[1].both("mAP")[0] > 0.7  # equal scores reach 0.53


def test_the_choice_is_the_validation_parts(done):
    _, out, comparison = done
    for row in comparison.shown:
        folder = folder_of(out, row.system)
        tried = [json.loads(path.read_text()) for path in sorted(folder.glob("candidate-*.json"))]
        best = max(tried, key=lambda each: each["validation_mAP"])
        assert all(result["setting"] == best["setting"] for result in row.results)
        assert row.results[0]["validation_mAP"] == best["validation_mAP"]  # seed 0 is the tuning's own
        assert len(tried) == len(row.system.settings) - (row.system is SOMETIMES)
    assert comparison.rows[6].results[0]["setting"]["beta"] == 0.0  # tuned like the others, without the memory


def test_features_that_no_encoder_was_fitted_on_are_chosen_on_several_parts(tmp_path):
    """By hand: the mean over the parts, of a baseline and of a network that descends."""
    cache = make_cache(tmp_path / "cache", fitted=False)
    comparison = compare(cache, tmp_path / "out", systems=[PLAIN, WITHOUT], seeds=1, ks=(1,), workers=1)
    assert comparison.facts["parts"] == PARTS_CHOSEN_ON
    parted = choosing_sets(cache, {"video": "i3d", "audio": "bilstm"}, 0.2, torch.device("cpu"))
    for number, setting in enumerate(PLAIN.settings):
        found = json.loads((folder_of(tmp_path / "out", PLAIN) / f"candidate-{number}.json").read_text())
        each = [validation_map(PLAIN.fit(data, seed=0, **setting).eval(), data) for data in parted]
        assert found["validation_mAP"] == pytest.approx(sum(each) / len(each)) and found["parts"] == len(parted)
    assert f"{PARTS_CHOSEN_ON} validation parts" in " ".join(protocol_lines(comparison))


def test_chance_and_ceiling_are_the_metrics_own(done):
    cache, out, comparison = done
    table = {line["system"]: line for line in lines(out / "table.csv")}
    for measure in comparison.all_measures():
        for result in (result for row in comparison.shown for result in row.results):
            for name in ("chance", "ceiling"):
                wanted = result["directions"][measure.direction].get(f"{measure.metric}_{name}", math.nan)
                wanted = wanted[str(measure.k)] if isinstance(wanted, dict) else wanted
                if not math.isnan(wanted):
                    assert float(table[name][measure.name]) == wanted

    class Random:
        def score(self, video, audio):
            return np.random.default_rng(0).normal(size=(len(video), len(audio)))

    report = evaluate_cache(cache, Random(), (1, 3))
    assert float(table["chance"]["speech->video mAP"]) == report.directions["speech->video"]["mAP_chance"]


def test_the_files_hold_every_seed_and_their_means(done):
    _, out, comparison = done
    table = lines(out / "table.csv")
    summary = {(line["system"], line["fitted on"]): line for line in lines(out / "summary.csv")}
    for row in comparison.shown:
        who = row.system.name, row.part
        mine = [line for line in table if (line["system"], line["fitted on"]) == who]
        assert [line["seed"] for line in mine] == [str(result["seed"]) for result in row.results]
        for measure in comparison.all_measures():
            values = [float(line[measure.name]) for line in mine]
            assert float(summary[who][measure.name]) == pytest.approx(np.mean(values))
            told = summary[who][f"{measure.name} std"]
            assert (float(told) == pytest.approx(np.std(values, ddof=1))) if len(values) > 1 else told == ""
    assert all("i3d: untrained, 50 % & more" in line["warnings"] for line in [*table, *summary.values()])
    assert (out / "table.png").stat().st_size > 5000


def test_the_terminals_table_fits_and_marks_the_best_row(done):
    _, _, comparison = done
    console = Console(width=100, record=True, emoji=False, highlight=False)
    console.print(render(comparison), crop=False)
    text = console.export_text()
    rows = [line for line in text.splitlines() if line.startswith(f"* {comparison.best.system.name}")]
    assert len(rows) == 4 and text.count("Warning: i3d: untrained, 50 % & more") == 4
    assert all(len(line) <= 100 for line in text.splitlines() if "not in the table" not in line)
    found = comparison.rows[5]
    mean = 100 * np.mean([result["directions"]["video->speech"]["recall"]["3"] for result in found.results])
    assert f"{mean:.2f}±" in text and "ceiling" in text and "chance" in text and "with memory minus without" in text


def test_what_the_fmn_gains_is_said_in_numbers(done):
    _, _, comparison = done
    fmn, without = comparison.rows[5:7]
    said = comparison.statements()
    assert len(said) == 6 and all("all of train" in line for line in said[3:])
    others = [comparison.rows[n] for n in (0, 1, 4)]
    best = max(others, key=lambda row: np.mean(row.both("recall", 3)))
    gain = relative_gain(fmn.both("recall", 3), best.both("recall", 3))
    assert f"against {best.system.name}" in said[1] and f"{100 * gain.mean:+.2f} % relative" in said[1]
    assert f"{100 * gain.low:+.2f} to {100 * gain.high:+.2f}" in said[1]
    share = np.mean(fmn.both("recall", 3)) / 1.0  # two relevant items a query: a perfect order has all in its first 3
    assert f"{100 * share:.1f} % of the ceiling" in said[1]
    change = difference(fmn.both("mAP"), without.both("mAP"))
    assert said[2].startswith("FMN: with memory minus without") and f"mAP {100 * change.mean:+.2f} points" in said[2]


def test_beside_what_it_is_made_of_the_fmn_is_measured_against_the_best_of_another_making(done):
    _, _, comparison = done
    line, plain, sometimes = (comparison.rows[n] for n in (0, 1, 4))
    best = max((line, plain, sometimes), key=lambda row: np.mean(row.both("recall", 3)))
    rest = max(
        (row for row in (line, plain, sometimes) if row is not best), key=lambda row: np.mean(row.both("recall", 3))
    )
    part_of_it = replace(best, system=replace(best.system, ingredient=True))
    rows = [part_of_it if row is best else row for row in comparison.rows]
    said = replace(comparison, rows=rows).statements()[1]
    gain = relative_gain(comparison.rows[5].both("recall", 3), rest.both("recall", 3))
    assert f"against {best.system.name}, the best other row at 3" in said
    assert f"against {rest.system.name}, the best row of another making at 3: {100 * gain.mean:+.2f} %" in said


def test_rows_that_are_missing_say_why(done):
    cache, out, comparison = done
    own, never, sometimes = comparison.rows[2:5]
    assert f"--cache {cache.path} --video-encoder i3d --audio-encoder musicnn" in own.error
    assert never.error == "This system cannot be fitted: no reason."
    assert sometimes.note == "1 of 2 candidates could not be fitted"
    assert [row.system.name for row in comparison.failed] == ["MusiCNN", "Never"]
    assert {line["system"]: line["error"] for line in lines(out / "summary.csv")}["Never"] == never.error


def test_latex_has_every_row_and_no_bare_sign(done):
    _, out, comparison = done
    text = (out / "table.tex").read_text()
    body = text[text.index(r"\begin{tabular}") :]
    assert r"Line \& Co\_1 & " in body and text.startswith("% i3d: untrained, 50 % & more\n")
    assert rf"\textbf{{{escape(comparison.best.name)}}}$^\ast$" in body
    caption = text[text.index(r"\caption") : text.index(r"\begin{tabular}")]
    assert r"untrained, 50 \% \& more" in caption
    for row in body.splitlines():
        if row.endswith(r"\\") and "multicolumn" not in row:
            assert row.replace(r"\&", "").count("&") == 4


def test_signs_in_a_name_are_a_formula_in_no_file(done, tmp_path):
    evil = "=x $\\frac{ $ \\input{y} \x1b ^^5c"
    first, *rest = done[2].rows
    odd = replace(done[2], rows=[replace(first, system=replace(first.system, name=evil)), *rest], warnings=[evil])
    write_files(odd, tmp_path)
    assert {line["warnings"] for line in lines(tmp_path / "table.csv")} >= {f"'{evil}"}
    assert lines(tmp_path / "summary.csv")[0]["system"] == f"'{evil}"
    plain = [line for line in (tmp_path / "table.tex").read_text().splitlines() if not line.startswith("%")]
    assert not any(sign in line for line in plain for sign in (r"\input", r"\frac", "\x1b", "^^"))
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")  # and no letter of it was read as a formula


def test_the_same_again_fits_nothing_and_more_seeds_fit_only_those(done, tmp_path):
    cache, before, _ = done
    out = shutil.copytree(before, tmp_path / "out")
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*/*/result.json")}
    compare(cache, out, systems=[LINE, PLAIN], seeds=4, ks=(1, 3), workers=1)
    after = {path: path.stat().st_mtime_ns for path in out.glob("*/*/result.json")}
    assert set(after) - set(stamps) == {out / "Line-Co-1" / "seed-3" / "result.json"}
    assert all(after[path] == stamp for path, stamp in stamps.items())
    compare(cache, out, systems=ALL, seeds=3, ks=(1, 3), workers=1)
    assert (out / "summary.csv").read_bytes() == (before / "summary.csv").read_bytes()
    assert (out / "table.csv").read_bytes() == (before / "table.csv").read_bytes()


def test_features_that_come_later_join_the_table(tmp_path):
    bare, full = make_cache(tmp_path / "bare"), make_cache(tmp_path / "full", audio=("bilstm", "musicnn"))
    assert compare(bare, tmp_path / "out", systems=[PLAIN, OWN], seeds=1, ks=(1,), workers=1).failed
    found = compare(full, tmp_path / "out", systems=[PLAIN, OWN], seeds=1, ks=(1,), workers=1)
    assert not found.failed and found.rows[1].encoders["audio"] == "musicnn"
    assert (
        json.loads((tmp_path / "out/MusiCNN/seed-0/run.json").read_text())["features"]["audio"]["encoder"] == "musicnn"
    )


def test_another_encoders_failure_changes_no_row_and_a_miss_of_ones_own_is_another_set(cache, tmp_path):
    compare(cache, tmp_path / "out", systems=[PLAIN], seeds=1, ks=(1,), workers=1)
    with CacheWriter(cache.path) as writer:
        writer.fail(cache.items("audio", "bilstm")[0], "too short for musicnn")
    compare(FeatureCache(cache.path), tmp_path / "out", systems=[PLAIN], seeds=1, ks=(1,), workers=1)
    with CacheWriter(cache.path) as writer:
        writer.fail(Item("broken", "audio", "/nowhere", split="test", label="k0"), "cannot be read")
    with pytest.raises(InputError, match="the items of audio features of bilstm"):
        compare(FeatureCache(cache.path), tmp_path / "out", systems=[PLAIN], seeds=1, ks=(1,), workers=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fingerprint": "b"}, "the fingerprint of audio features of bilstm"),
        ({"seed": 1}, "the vectors of video features of i3d"),
        ({"n": 11}, "the items of video features of i3d"),
    ],
)
def test_another_caches_folder_is_refused(cache, tmp_path, change, said):
    compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
    other = make_cache(tmp_path / "other", **change)
    with pytest.raises(InputError, match=said):
        compare(other, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)


def test_other_settings_and_other_files_are_refused(cache, tmp_path):
    compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
    with pytest.raises(InputError, match="differs in recall"):
        compare(cache, tmp_path / "out", systems=[PLAIN], ks=(2,), workers=1)
    changed = type(PLAIN)("Plain", "a test", "", ({"strength": 2.0},), PLAIN.fit)
    with pytest.raises(InputError, match="the candidates of Plain"):
        compare(cache, tmp_path / "out", systems=[changed], ks=(1,), workers=1)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.txt").write_text("sun")
    with pytest.raises(InputError, match="holds other files"):
        compare(cache, tmp_path / "photos", systems=[PLAIN], workers=1)
    with pytest.raises(InputError, match="from 1 to"):
        compare(cache, tmp_path / "new", systems=[PLAIN], seeds=0)


def test_a_damaged_unit_is_a_sentence(cache, tmp_path):
    compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
    for name, content in (("candidate-0.json", "{"), ("candidate-0.json", "{}"), ("seed-0/result.json", "[]")):
        path = tmp_path / "out" / "Plain" / name
        before = path.read_text()
        path.write_text(content)
        with pytest.raises(InputError, match="Delete it"):
            compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
        path.write_text(before)
    path = tmp_path / "out" / "Plain" / "seed-0" / "result.json"
    whole = without_seal(json.loads(path.read_text()))
    too_good = json.loads(json.dumps(whole["directions"]))
    too_good["speech->video"]["mAP"] = 7.0
    of_no_depth = json.loads(json.dumps(whole["directions"]))
    of_no_depth["video->speech"]["recall"] = {}
    numbers = "does not hold the run's numbers"
    for change, said in (
        ({"directions": {}}, numbers),
        ({"directions": {"speech->video": 3}}, numbers),
        ({"directions": too_good}, numbers),
        ({"directions": of_no_depth}, numbers),
        ({"seconds": "a few"}, numbers),
        ({"validation_mAP": True}, numbers),
        ({"warnings": 5}, "no list of sentences"),
        ({"warnings": [[1]]}, "no list of sentences"),
        ({"seed": 4}, "with seed 4"),
        ({"seed": {}}, "with seed {}"),
        ({"system": "CCA"}, "is of 'CCA'"),
    ):
        path.write_text(json.dumps(whole | change))
        with pytest.raises(InputError, match=said):
            compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
    path.write_text(json.dumps({key: value for key, value in whole.items() if key not in ("seconds", "warnings")}))
    with pytest.raises(InputError, match=r"lacks seconds, warnings\. Delete it"):
        compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
    path.write_text(json.dumps(whole))
    candidate = tmp_path / "out" / "Plain" / "candidate-0.json"
    candidate.write_text(json.dumps(without_seal(json.loads(candidate.read_text())) | {"validation_mAP": True}))
    with pytest.raises(InputError, match="no validation mAP"):
        compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)


def test_a_result_without_its_run_is_made_again(cache, tmp_path):
    compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
    run = tmp_path / "out" / "Plain" / "seed-0"
    for name in ("best.safetensors", "run.json"):
        (run / name).unlink()
        compare(cache, tmp_path / "out", systems=[PLAIN], ks=(1,), workers=1)
        assert load(run).score(cache.features("video"), cache.features("audio")).shape == (30, 30)


def test_a_memory_is_judged_on_all_of_train_and_in_an_indexed_gallery(tmp_path):
    """By hand: everything remembered, the chosen setting; and then the gallery absorbed, each way."""
    cache = make_cache(tmp_path / "cache")
    found = compare(cache, tmp_path / "out", systems=[MEMORY], seeds=1, ks=(1, 3), workers=1)
    assert [row.part for row in found.rows] == list(PARTS)
    encoders = {"video": "i3d", "audio": "bilstm"}
    data = whole(load_training_set(cache, encoders, 0.2, torch.device("cpu")))
    retriever = Retriever(remember(data, **found.rows[0].results[0]["setting"]), {})
    assert found.rows[1].results[0]["directions"] == evaluate_cache(cache, retriever, (1, 3)).directions
    indexed = IndexedRetriever(retriever, ("audio",))
    wanted = evaluate_cache(cache, indexed, (1, 3)).directions["video->speech"]
    assert found.rows[2].results[0]["directions"]["video->speech"] == wanted


@pytest.mark.parametrize("system", [WITHOUT, MEMORY])
def test_all_of_train_holds_an_official_validation_part_too(tmp_path, monkeypatch, system):
    cache = make_cache(tmp_path / "cache", split=lambda modality, category: "val" if category == 2 else "train")
    seen = []
    monkeypatch.setattr(units, "fit", lambda *given, **options: seen.append(given[2]) or fit(*given, **options))
    monkeypatch.setattr(units, "whole", lambda data: seen.append(whole(data)) or seen[-1])
    unit = units.Unit(system, cache.path, {"video": "i3d", "audio": "bilstm"}, system.settings[0], 0, "cpu", tmp_path)
    units._on_all(unit, cache, 2 if system is WITHOUT else 0)
    assert all(len(data.fit_video.ids) == 30 and not data.held_video.ids for data in seen)


def test_on_all_of_train_a_descent_takes_the_epochs_that_were_kept(tmp_path):
    from fmn.train.baselines.avlnet import fit_avlnet

    data = load_training_set(make_cache(tmp_path / "c"), {"video": "i3d", "audio": "bilstm"}, 0.2, torch.device("cpu"))
    found = fit_avlnet(data, seed=0, steps=40)
    again = fit_avlnet(data, seed=0, epochs=found.epochs)
    assert 0 < found.epochs <= 40 and again.epochs == found.epochs
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in found.state_dict().items())
    assert fit_avlnet(whole(data), seed=0, epochs=7).epochs == 7


def test_every_descent_has_the_same_steps(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(passes, "__defaults__", (40, 30))  # in place of STEPS: 800 epochs of this set take long
    system = type(FMN)("FMN", "a test", "", ({"common": 8, "hidden": 8, "capacity": 6},), None)
    compare(cache, tmp_path / "out", systems=[system], seeds=1, ks=(1,), workers=1)
    settings = json.loads((tmp_path / "out/FMN/seed-0/run.json").read_text())["settings"]
    assert (settings["epochs"], settings["patience"]) == (40, math.ceil(40 / 3))  # one step an epoch


def test_too_little_to_choose_on_is_a_sentence(tmp_path):
    alone = make_cache(tmp_path / "alone", n=1, split=lambda modality, category: "test" if category else "train")
    with pytest.raises(InputError, match="validation part"):
        compare(alone, tmp_path / "out", systems=[PLAIN], workers=1)
    with pytest.raises(InputError, match="validation part"):
        study(alone, tmp_path / "out", workers=1)
    untested = make_cache(tmp_path / "untested", split=lambda modality, category: "train")
    with pytest.raises(InputError, match="test split"):
        compare(untested, tmp_path / "out", systems=[PLAIN], workers=1)
    assert not (tmp_path / "out").exists()


def test_an_unknown_fmn_setting_is_the_rows_sentence(cache, tmp_path):
    odd = type(FMN)("FMN", "a test", "", ({**QUICK, "pockets": 3},), None)
    found = compare(cache, tmp_path / "out", systems=[odd], seeds=1, ks=(1,), workers=1)
    assert found.rows[0].error == "FMN has no setting pockets."


def test_a_comparison_made_before_the_settings_had_their_present_names_is_gone_on_with(cache, tmp_path):
    system = type(FMN)("FMN", "a test", "", ({**QUICK, "learning_rate": 1e-3}, {**QUICK, "weight_decay": 1e-3}), None)
    first = compare(cache, tmp_path / "out", systems=[system], seeds=1, ks=(1,), workers=1)
    for folder in [*(tmp_path / "out").rglob(".parity")]:  # no version had any that had those names
        shutil.rmtree(folder)
    for path in (tmp_path / "out").rglob("*.json"):
        text = path.read_text().replace('"learning_rate"', '"rate"').replace('"weight_decay"', '"decay"')
        before = without_seal(json.loads(text.replace('"slots": "categories"', '"slots": "kinds"')))
        path.write_text(json.dumps(before))
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("[!.]*/*")}
    again = compare(cache, tmp_path / "out", systems=[system], seeds=1, ks=(1,), workers=1)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("[!.]*/*")} == stamps
    assert again.rows[0].results == first.rows[0].results
