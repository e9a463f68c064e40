"""A cache in, a run out: real processes and kills for what claims to survive them."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval import FmnConfig, load, newest_run
from fmn.sealed import without_seal
from fmn.stopping import Stopped
from fmn.train.data import load_training_set
from fmn.train.memory_run import remember_cache
from fmn.train.run import next_run, train
from fmn.train.settings import MemorySettings, TrainSettings

DIM, CATEGORIES = 12, 3
SMALL = FmnConfig(common=8, hidden=8, capacity=6)
QUICK = TrainSettings(epochs=6, batch=8, patience=0)


def make_cache(path, *, seed=0, n=10, fingerprint="a", paired=False, splits=None):
    """Two separable modalities of CATEGORIES labels (or n * CATEGORIES pairs)."""
    random = np.random.default_rng(seed)
    with CacheWriter(path) as writer:
        writer.describe(seed=0)
        for modality in ("video", "audio"):
            record = EncoderRecord(modality, "toy", DIM, {}, {"source": "test", "sha256": {"toy": fingerprint}})
            writer.declare(record)
            rows = []
            for category in range(CATEGORIES):
                for i in range(n):
                    split = splits(i) if splits else ("test" if i % 5 == 4 else "train")
                    features = random.normal(size=DIM) + 4 * np.eye(DIM)[category + (3 if modality == "audio" else 0)]
                    place = {"pair": f"p{category}-{i}"} if paired else {"label": f"k{category}"}
                    item = Item(
                        f"{category}/{i}", modality, f"/nowhere/{modality}/{category}/{i}", split=split, **place
                    )
                    rows.append(Row(item, features.astype(np.float32), 1.0, 1, 0))
            writer.add("toy", rows)
    return FeatureCache(path)


@pytest.fixture
def cache(tmp_path):
    return make_cache(tmp_path / "cache")


def test_a_run_scores_and_says_what_it_is(cache, tmp_path):
    trained = train(cache, tmp_path / "run", SMALL, TrainSettings(epochs=60, batch=8, patience=0))
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["status"] == "finished" and facts["epochs"] == 60
    assert {"history.csv", "curve.png", "best.safetensors", "last.safetensors"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }
    splits = dict(zip(cache.ids("video"), cache.splits("video"), strict=True))
    assert all(splits[item] == "train" for item in facts["fitted_on"]["video"])
    retriever = load(tmp_path / "run")
    retriever.check(cache)
    scores = retriever.score(cache.features("video"), cache.features("audio"))
    assert scores.shape == (30, 30) and np.isfinite(scores).all()
    assert trained.fitting.best_map > 0.6  # chance is 0.33


def test_a_retriever_scores_alike_in_one_piece_and_in_many(cache, tmp_path, monkeypatch):
    train(cache, tmp_path / "run", SMALL, QUICK)
    retriever = load(tmp_path / "run")
    video, audio = cache.features("video"), cache.features("audio")
    whole = retriever.score(video, audio)
    monkeypatch.setattr("fmn.retrieval.network.CHUNK_PAIRS", 7)
    assert np.allclose(retriever.score(video, audio), whole, rtol=1e-5, atol=1e-7)


def test_the_same_seed_gives_the_same_weights_and_another_one_does_not(cache, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(cache, tmp_path / name, SMALL, TrainSettings(epochs=3, batch=8, seed=seed))
    a, b, c = ((tmp_path / name / "best.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_a_killed_run_goes_on_and_ends_in_the_same_weights(cache, tmp_path):
    settings = "TrainSettings(epochs=120, batch=8, patience=0)"
    script = (
        "import sys\nfrom pathlib import Path\nimport fmn.train.fit as fit\nfit.SAVE_SECONDS = 0.0\n"
        "from fmn.cache import FeatureCache\nfrom fmn.retrieval import FmnConfig\n"
        "from fmn.train.run import train\nfrom fmn.train.settings import TrainSettings\n"
        f"train(FeatureCache(sys.argv[1]), Path(sys.argv[2]), FmnConfig(common=8, hidden=8, capacity=6), {settings})\n"
    )
    arguments = [sys.executable, "-c", script, str(cache.path)]
    process = subprocess.Popen([*arguments, str(tmp_path / "killed")])
    history = tmp_path / "killed" / "history.csv"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (history.exists() and len(history.read_text().splitlines()) > 5):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert json.loads((tmp_path / "killed" / "run.json").read_text())["status"] == "running"
    subprocess.run([*arguments, str(tmp_path / "killed")], check=True)
    train(cache, tmp_path / "whole", SMALL, TrainSettings(epochs=120, batch=8, patience=0))
    names = ("best.safetensors",)
    assert all((tmp_path / "killed" / n).read_bytes() == (tmp_path / "whole" / n).read_bytes() for n in names)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_fitting_with_its_epoch_which_goes_on_from_there(cache, tmp_path, sent):
    heard = []

    def interrupt(row, _):
        if row["epoch"] == 3:
            os.kill(os.getpid(), sent)

    with pytest.raises(Stopped) as stopped:
        train(cache, tmp_path / "stopped", SMALL, QUICK, progress=interrupt, say=heard.append)
    assert stopped.value.number == sent and len(heard) == 1
    epochs = []
    resumed = train(cache, tmp_path / "stopped", SMALL, QUICK, progress=lambda row, _: epochs.append(row["epoch"]))
    assert resumed.resumed and epochs == [4, 5, 6]
    train(cache, tmp_path / "whole", SMALL, QUICK)
    stopped, whole = (tmp_path / name / "best.safetensors" for name in ("stopped", "whole"))
    assert stopped.read_bytes() == whole.read_bytes()


def test_a_killed_memory_is_made_again_in_the_same_folder(cache, tmp_path):
    script = (
        "import os, sys\nfrom pathlib import Path\nimport fmn.train.memory_run as memory_run\n"
        "from fmn.cache import FeatureCache\n"
        "memory_run.save_network = lambda path, _: (path.write_bytes(b'half'), os.kill(os.getpid(), 9))\n"
        "memory_run.remember_cache(FeatureCache(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert subprocess.run([sys.executable, "-c", script, str(cache.path), str(killed)]).returncode == -9
    (killed / ".tmp-1-run.json").write_text("{")
    with pytest.raises(InputError, match="holds other files"):
        remember_cache(cache, killed, MemorySettings(validation=0.3))
    for folder in (killed, whole):
        remember_cache(cache, folder)
    assert (killed / "best.safetensors").read_bytes() == (whole / "best.safetensors").read_bytes()
    assert not list(killed.glob(".tmp-*")) and json.loads((killed / "run.json").read_text())["status"] == "finished"
    with pytest.raises(InputError, match="holds other files"):
        remember_cache(cache, killed)


def test_an_fmn_that_no_machine_holds_is_refused(cache, tmp_path):
    with pytest.raises(InputError, match=r"of 1000000 columns and 1000000 slots takes [0-9]+ GiB, and this machine"):
        train(cache, tmp_path / "run", FmnConfig(common=1_000_000, capacity=1_000_000))
    assert not (tmp_path / "run").exists()


def test_a_finished_run_and_another_runs_folder_are_refused(cache, tmp_path):
    train(cache, tmp_path / "run", SMALL, QUICK)
    with pytest.raises(InputError, match="finished"):
        train(cache, tmp_path / "run", SMALL, QUICK)
    with pytest.raises(InputError, match="differs in settings"):
        train(cache, tmp_path / "run", SMALL, TrainSettings(epochs=7, batch=8))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.txt").write_text("sun")
    with pytest.raises(InputError, match="holds other files"):
        train(cache, tmp_path / "photos", SMALL, QUICK)


def test_features_of_another_encoder_are_refused(cache, tmp_path):
    train(cache, tmp_path / "run", SMALL, QUICK)
    other = make_cache(tmp_path / "other", fingerprint="b")
    with pytest.raises(InputError, match="fitted on"):
        load(tmp_path / "run").check(other)


def test_a_test_item_that_was_fitted_on_is_refused(cache, tmp_path):
    train(cache, tmp_path / "run", SMALL, QUICK)
    turned = make_cache(tmp_path / "turned", splits=lambda i: "test" if i < 5 else "train")
    with pytest.raises(InputError, match="No test item may have been fitted on"):
        load(tmp_path / "run").check(turned)


def test_a_split_that_the_fitting_has_seen_is_named_in_its_table(tmp_path):
    from click.testing import CliRunner

    from fmn.commands.evaluate import main

    cache = make_cache(tmp_path / "cache", splits=lambda i: {3: "val", 4: "test"}.get(i % 5, "train"))
    train(cache, tmp_path / "run", SMALL, QUICK)
    asked = ["--run", str(tmp_path / "run"), "--cache", str(cache.path), "--recall", "1"]
    for split, known in (("val", 2 * CATEGORIES * 2), ("test", 0)):
        done = CliRunner().invoke(main, [*asked, "--split", split])
        said = " ".join(done.output.split())
        assert done.exit_code == 0 and (f"{known} items of the {split} split were fitted on" in said) == (known > 0)
        assert load(tmp_path / "run").known_in(cache, split) == known


def test_a_grown_gallery_is_welcome(cache, tmp_path):
    train(cache, tmp_path / "run", SMALL, QUICK)
    grown = make_cache(tmp_path / "grown", n=15)
    load(tmp_path / "run").check(grown)
    assert len(grown.ids("video")) == 45


def test_pairs_are_trained_on_too(tmp_path):
    cache = make_cache(tmp_path / "pairs", paired=True)
    trained = train(cache, tmp_path / "run", SMALL, QUICK)
    assert trained.data.has_validation


def test_the_smallest_set_runs_without_validation(tmp_path):
    cache = make_cache(tmp_path / "tiny", n=2, splits=lambda i: ("train", "test")[i])
    trained = train(cache, tmp_path / "run", SMALL, QUICK)
    assert trained.fitting.epoch == trained.fitting.best_epoch == 6 or trained.data.has_validation
    assert load(tmp_path / "run").score(cache.features("video"), cache.features("audio")).shape == (6, 6)


def test_nothing_in_the_train_split_is_a_sentence(tmp_path):
    cache = make_cache(tmp_path / "none", splits=lambda i: "test")
    with pytest.raises(InputError, match="train split"):
        train(cache, tmp_path / "run", SMALL, QUICK)


def test_a_fitted_memory_has_a_slot_a_category_and_says_so_where_they_do_not_fit(cache, tmp_path):
    settings = TrainSettings(epochs=40, batch=8, patience=0, validation=0.0)  # the last epoch is kept
    done = train(cache, tmp_path / "run", SMALL, settings)
    net, data = load(tmp_path / "run").network, done.data
    assert done.slots == int(net.memory.filled.sum()) == CATEGORIES and not done.warnings
    with torch.no_grad():  # the very pairs that the kept weights accept
        p_video = net.embed_video(net.standardise_video(data.fit_video.features))
        s1 = net.s1(p_video, net.embed_audio(net.standardise_audio(data.fit_audio.features)))
    match = data.fit_video.codes[:, None] == data.fit_audio.codes[None, :]
    accepted = [int(((s1 > 0.5) & match)[data.fit_video.codes == code].sum()) for code in range(CATEGORIES)]
    assert net.memory.used[:CATEGORIES].tolist() == accepted and min(accepted) > 0
    crowded = train(cache, tmp_path / "crowded", replace(SMALL, capacity=2), settings)
    assert crowded.warnings[-1].startswith("3 categories do not fit into 2 slots")
    assert load(tmp_path / "crowded").network.config.slots == "paired"
    assert int(load(tmp_path / "crowded").network.memory.used.sum()) > 0


def test_writing_by_score_wants_slots_that_are_written_pair_by_pair(cache, tmp_path):
    with pytest.raises(InputError, match="goes with slots 'paired'"):
        train(cache, tmp_path / "run", SMALL, replace(QUICK, writes="score"))
    train(cache, tmp_path / "run", replace(SMALL, slots="paired"), replace(QUICK, writes="score"))


def test_early_stopping_ends_the_schedule(cache, tmp_path):
    trained = train(cache, tmp_path / "run", SMALL, TrainSettings(epochs=500, batch=8, patience=3))
    assert trained.fitting.epoch - trained.fitting.best_epoch == 3


def test_a_beta_that_is_fitted_moves(cache, tmp_path):
    shape = FmnConfig(common=8, hidden=8, capacity=6, learn_beta=True, t1=0.0)
    train(cache, tmp_path / "run", shape, TrainSettings(epochs=10, batch=8, patience=0))
    assert load(tmp_path / "run").network.beta.item() != 1.0


def facts_of(run):
    return without_seal(json.loads((run / "run.json").read_text()))


def say(run, **changed):
    """Have run.json say something else, as an earlier version would have: without a checksum."""
    (run / "run.json").write_text(json.dumps(facts_of(run) | changed))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: (run / "run.json").write_text("{"), "not readable JSON"),
        (lambda run: (run / "run.json").unlink(), "is none"),
        (lambda run: say(run, best=[1]), "garbles"),
        (lambda run: (run / "run.json").write_bytes((run / "run.json").read_bytes() + b" "), "changed after it was"),
        (lambda run: (run / "best.safetensors").write_bytes(b"<html>"), "does not hold the network"),
        (lambda run: (run / "best.safetensors").unlink(), "has none"),
        (lambda run: say(run, schema=9), "schema 9"),
        (lambda run: say(run, config={**facts_of(run)["config"], "common": 9}), "does not hold"),
        (lambda run: say(run, config={**facts_of(run)["config"], "common": 10**6}), "does not hold"),
    ],
)
def test_a_spoilt_run_is_a_sentence(cache, tmp_path, spoil, said):
    train(cache, tmp_path / "run", SMALL, QUICK)
    spoil(tmp_path / "run")
    with pytest.raises(InputError, match=said):
        load(tmp_path / "run")


def test_the_newest_run_is_the_one_begun_last(cache, tmp_path):
    root = tmp_path / "runs"
    with pytest.raises(InputError, match="No trained run"):
        newest_run(root)
    train(cache, root / "zebra", SMALL, QUICK)
    train(cache, root / "007", SMALL, QUICK)
    assert newest_run(root).name == "007"
    assert [next_run(root).name, next_run(root).name] == ["008", "009"]


def test_wrong_features_are_sentences(cache, tmp_path):
    train(cache, tmp_path / "run", SMALL, QUICK)
    retriever = load(tmp_path / "run")
    good = np.zeros((2, DIM), np.float32)
    with pytest.raises(InputError, match=r"\[n, 12\]"):
        retriever.score(np.zeros((2, 3), np.float32), good)
    with pytest.raises(InputError, match="finite"):
        retriever.score(np.full((2, DIM), np.nan, np.float32), good)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": 1.5},
        {"batch": 0},
        {"learning_rate": 0.0},
        {"validation": 1.0},
        {"margin": -1.0},
        {"seed": 2**40},
    ],
)
def test_wrong_settings_are_sentences(wrong):
    with pytest.raises(InputError, match=next(iter(wrong)).replace("_", " ")):
        TrainSettings(**wrong)


def test_two_trainings_do_not_share_a_run(cache, tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom fmn.cache import FeatureCache\n"
        "from fmn.retrieval import FmnConfig\nfrom fmn.train.run import train\n"
        "from fmn.train.settings import TrainSettings\n"
        "train(FeatureCache(sys.argv[1]), Path(sys.argv[2]), FmnConfig(common=8, hidden=8, capacity=6),\n"
        "      TrainSettings(epochs=100_000, batch=8, patience=0))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(cache.path), str(tmp_path / "run")])
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (tmp_path / "run" / "best.safetensors").exists():
            time.sleep(0.02)
        with pytest.raises(InputError, match="Another fmn-train"):
            train(cache, tmp_path / "run", SMALL, TrainSettings(epochs=100_000, batch=8, patience=0))
        assert "UNFINISHED" in load(tmp_path / "run").facts["state"]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["t1", "t2", "beta", "temperature"])
def test_a_knob_that_is_no_number_is_a_sentence(name):
    with pytest.raises(InputError, match=name):
        FmnConfig(**{name: float("nan")})


@pytest.mark.gpu
def test_cuda_gives_the_same_ranking_as_the_cpu(cache, tmp_path):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    trained = train(cache, tmp_path / "run", SMALL, QUICK, device="cuda")
    assert trained.data.fit_video.features.is_cuda
    scores = load(tmp_path / "run").score(cache.features("video"), cache.features("audio"))
    assert np.isfinite(scores).all()


def test_a_device_that_is_not_there_is_a_sentence(cache, tmp_path):
    with pytest.raises(InputError, match="cannot be used here"):
        train(cache, tmp_path / "run", SMALL, QUICK, device="tpu9")


def test_items_of_which_nothing_is_known_are_left_out_and_counted(tmp_path):
    with CacheWriter(tmp_path / "cache") as writer:
        writer.describe(seed=0)
        for modality, name in (("video", "i3d"), ("audio", "bilstm")):
            writer.declare(EncoderRecord(modality, name, 4, {}, {"source": "test", "sha256": {}}))
            random, rows = np.random.default_rng(len(name)), []
            for n in range(12):
                label = "" if n == 0 else f"k{n % 2}"
                item = Item(f"{n}", modality, f"/nowhere/{n}", split="train", label=label)
                rows.append(Row(item, random.normal(size=4).astype(np.float32), 1.0, 1, 0))
            writer.add(name, rows)
    names = {"video": "i3d", "audio": "bilstm"}
    data = load_training_set(FeatureCache(tmp_path / "cache"), names, 0.2, torch.device("cpu"))
    assert data.unknown == {"video": 1, "audio": 1}
    sides = (data.fit_video, data.held_video, data.fit_audio, data.held_audio)
    assert all("0" not in side.ids for side in sides) and sum(len(side.ids) for side in sides) == 22
    found = train(FeatureCache(tmp_path / "cache"), tmp_path / "run", settings=TrainSettings(epochs=2))
    assert found.warnings[-1].startswith("1 clips and 1 recordings of the train split have neither pair nor label")
