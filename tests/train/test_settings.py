"""The names of settings: what runs made before they had their present ones say is read under those."""

import json

import pytest

from fmn.errors import InputError
from fmn.retrieval.store import read_run
from fmn.sealed import without_seal
from fmn.train.memory_run import remember_cache
from fmn.train.run import train
from fmn.train.settings import TrainSettings, as_named_now, settings_of_run
from tests.train.test_run import QUICK, SMALL, make_cache


def named_before(facts):
    """A run.json as it was written when the settings were `rate` and `decay`, and categories kinds."""
    settings = dict(facts["settings"])
    settings = {"rate": settings.pop("learning_rate"), "decay": settings.pop("weight_decay"), **settings}
    return {**facts, "settings": settings, "config": {**facts["config"], "slots": "kinds"}}


def test_a_run_made_before_is_gone_on_with(tmp_path):
    cache, run = make_cache(tmp_path / "cache"), tmp_path / "run"
    train(cache, run, SMALL, QUICK)
    facts = without_seal(named_before(json.loads((run / "run.json").read_text())))
    (run / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    assert read_run(run)["config"].slots == "categories"
    before = (run / "best.safetensors").read_bytes()
    assert train(cache, run, SMALL, QUICK).resumed
    assert (run / "best.safetensors").read_bytes() == before
    assert "learning_rate" in json.loads((run / "run.json").read_text())["settings"]
    (run / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    with pytest.raises(InputError, match="differs in settings"):
        train(cache, run, SMALL, TrainSettings(epochs=6, batch=8, patience=0, learning_rate=1e-3))


def test_a_run_that_does_not_say_how_it_was_fitted_is_a_sentence(tmp_path):
    cache, run = make_cache(tmp_path / "cache"), tmp_path / "run"
    remember_cache(cache, run)
    facts = without_seal(json.loads((run / "run.json").read_text()))
    for settings in ({**facts["settings"], "pockets": 3}, {**facts["settings"], "validation": 2.0}, 3):
        (run / "run.json").write_text(json.dumps({**facts, "settings": settings}))
        with pytest.raises(InputError, match="does not say how it was fitted"):
            settings_of_run(run)


def test_old_names_are_read_wherever_they_stand_and_others_stay():
    before = {"systems": {"FMN": {"candidates": [{"rate": 0.1, "slots": "kinds"}, {"decay": 1.0}]}}, "hit_rate": 2}
    now = {"FMN": {"candidates": [{"learning_rate": 0.1, "slots": "categories"}, {"weight_decay": 1.0}]}}
    assert as_named_now(before) == {"systems": now, "hit_rate": 2}
