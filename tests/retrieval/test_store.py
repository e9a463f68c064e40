"""What a run folder may say, and how what it must not say is told."""

import json

import pytest
import torch

from fmn.errors import InputError
from fmn.retrieval import FeatureMemoryNetwork, FmnConfig, load
from fmn.retrieval.store import read_run, save_network, write_json
from fmn.sealed import without_seal

SIDES = ("video", "audio")


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    config = FmnConfig(video_dim=5, audio_dim=4, common=3, capacity=2)
    save_network(tmp_path / "best.safetensors", FeatureMemoryNetwork(config))
    features = {side: {"encoder": "toy", "fingerprint": "a"} for side in SIDES}
    facts = {"schema": 3, "kind": "fmn", "config": config.to_json(), "settings": {"decay": 0.1}, "features": features}
    facts["fitted_on"] = {side: [f"{side}1"] for side in SIDES}
    write_json(tmp_path / "run.json", facts)
    return tmp_path


def changed(run, *path, to=None):
    facts = json.loads((run / "run.json").read_text())
    place = facts
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    (run / "run.json").write_text(json.dumps(without_seal(facts)))


def test_a_run_is_read_as_it_was_written_and_nothing_else_is_left(run):
    config = FmnConfig(video_dim=5, audio_dim=4, common=3, capacity=2)
    assert read_run(run)["config"] == load(run).network.config == config
    assert read_run(run)["settings"] == {"decay": 0.1}  # told as it stands
    assert sorted(file.name for file in run.iterdir()) == [".parity", "best.safetensors", "run.json"]


def test_an_old_run_says_kinds_for_categories(run):
    changed(run, "config", "slots", to="kinds")
    assert load(run).network.config.slots == "categories"


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("features", "video", "encoder"), 3, "features.video.encoder"),
        (("features", "audio"), {"encoder": "toy"}, "features.audio.fingerprint"),
        (("fitted_on", "video"), ["a", 1], "fitted_on.video.1"),
        (("fitted_on",), None, "fitted_on"),
        (("best",), [1], "best"),
        (("config",), [], "config"),
        (("config", "common"), "3", "FMN needs a whole number as common, got '3'"),
        (("config", "common"), 0, "FMN needs common from 1 to 1000000, got 0"),
        (("config", "keys"), "space", "FMN's keys is one of raw, common; got 'space'"),
        (("config", "unknown"), 1, "unknown"),
        (("kind",), "tower", "A run holds a model of kind memory, fmn, towers; got 'tower'"),
    ],
)
def test_what_a_run_garbles_is_named(run, path, to, said):
    changed(run, *path, to=to)
    with pytest.raises(InputError, match=r"run\.json lacks or garbles what a run must say") as caught:
        load(run)
    assert said in str(caught.value)
