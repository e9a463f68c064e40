"""Damage in a run: any flipped bit is found and healed; runs without checksums are read; one lost run is one run."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fmn.errors import InputError
from fmn.retrieval import FeatureMemoryNetwork, FmnConfig, load, newest_run
from fmn.retrieval.store import save_network, sums_of, write_json
from fmn.sealed import without_seal
from fmn.train.check import repair_run, verify_run
from fmn.train.checkpoint import load_last, save_last, seal_last

SIDES = ("video", "audio")
CONFIG = FmnConfig(video_dim=5, audio_dim=4, common=3, capacity=2)


@pytest.fixture
def run(tmp_path):
    """A finished run as fmn-train leaves it."""
    path = tmp_path / "runs" / "001"
    path.mkdir(parents=True)
    torch.manual_seed(0)
    network = FeatureMemoryNetwork(CONFIG)
    save_network(path / "best.safetensors", network)
    progress = {"epoch": 1, "history": [{"validation_mAP": float("nan")}]}
    save_last(path / "last.safetensors", network, torch.optim.Adam(network.parameters()), progress)
    (path / "history.csv").write_text("epoch,loss\n" + "1,0.5\n" * 900)
    (path / "curve.png").write_bytes(bytes(range(256)) * 30)
    facts = {"schema": 3, "kind": "fmn", "config": CONFIG.to_json(), "settings": {}, "status": "finished"}
    facts |= {"features": {side: {"encoder": "toy", "fingerprint": "a"} for side in SIDES}, "created": "2020"}
    facts |= {"fitted_on": {side: ["x"] for side in SIDES}, "files": sums_of(path, ("history.csv", "curve.png"))}
    write_json(path / "run.json", facts)
    return path


def files(run):
    found = (path for path in run.rglob("*") if path.is_file() and path.stat().st_size)
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in found}


def test_a_flipped_bit_in_any_file_is_found_and_healed(run):
    before, random = files(run), np.random.default_rng(0)
    assert len(before) == 10 and (verify_run(run).problems, verify_run(run).unchecked) == ([], [])
    for name, data in before.items():
        for at in random.integers(0, len(data), 3):
            changed = bytearray(data)
            changed[at] ^= 1 << int(random.integers(8))
            (run / name).write_bytes(changed)
            assert [problem.file for problem in verify_run(run).problems] == [name]
            if name in ("run.json", "best.safetensors"):
                with pytest.raises(InputError, match="fmn-cache repair"):
                    load(run)
            assert repair_run(run).removed == [] and files(run) == before


def test_a_run_made_before_checksums_is_read_and_that_is_said(run):
    facts = without_seal(json.loads((run / "run.json").read_text()))
    del facts["files"]
    (run / "run.json").write_text(json.dumps(facts))
    found = verify_run(run)
    assert found.problems == [] and found.unchecked == ["run.json", "history.csv", "curve.png"]
    assert load(run).network.config == CONFIG


def test_a_lost_picture_is_set_aside_and_a_lost_run_as_a_whole(run):
    (run / ".parity" / "curve.png").unlink()
    (run / "curve.png").write_bytes(b"not a picture")
    assert [each.file for each in repair_run(run).removed] == ["curve.png"] and verify_run(run).problems == []
    (run / ".parity" / "best.safetensors").unlink()
    (run / "best.safetensors").write_bytes(b"no weights")
    (problem,) = repair_run(run).removed
    assert problem.file == "best.safetensors" and str(run.with_name("damaged-001")) in problem.what
    assert not run.exists() and (run.with_name("damaged-001") / "run.json").exists()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"created": 1e999}', '{"created": NaN}', f'{{"x": 1{"0" * 400}}}', "\xff"]
)
def test_absurd_json_spoils_that_run_alone(run, text):
    other = run.with_name("002")
    other.mkdir()
    (other / "best.safetensors").write_bytes(b"")
    (other / "run.json").write_text(text, encoding="latin-1")
    assert newest_run(run.parent) == run
    with pytest.raises(InputError, match="not readable JSON"):
        load(other)


def test_shapes_are_compared_before_memory_is_taken(run):
    facts = without_seal(json.loads((run / "run.json").read_text()))
    for change in ({"common": 10**6}, {"capacity": 10**6, "video_dim": 10**6}, {"fusion": "both", "hidden": 10**6}):
        (run / "run.json").write_text(json.dumps({**facts, "config": {**facts["config"], **change}}))
        with pytest.raises(InputError, match="by the config"):
            load(run)


def test_a_pipe_is_never_waited_for(run):
    for name in ("best.safetensors", "run.json"):
        (run / name).unlink()
        os.mkfifo(run / name)
        assert name in [problem.file for problem in verify_run(run).problems]
        with pytest.raises(InputError, match="no regular file"):
            load(run)


def test_a_checkpoint_made_before_checksums_gets_one_before_its_run_does(run):
    path, network = run / "last.safetensors", FeatureMemoryNetwork(CONFIG)
    with safe_open(path, framework="pt") as file:
        tensors, progress = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()["progress"]  # noqa: SIM118
    save_file(tensors, path, metadata={"progress": progress})
    assert [problem.file for problem in verify_run(run).problems] == ["last.safetensors"]
    seal_last(path)
    assert verify_run(run).problems == []
    assert load_last(path, network, torch.optim.Adam(network.parameters()))["epoch"] == 1
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="cannot be resumed"):
        seal_last(path)
