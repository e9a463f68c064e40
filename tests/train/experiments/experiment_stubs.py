"""A small cache and small systems that the comparison's processes can import by name."""

import itertools
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.errors import InputError
from fmn.item import Item
from fmn.retrieval.towers import TowersConfig, TwoTowers
from fmn.train.baselines.registry import System
from fmn.train.remembering import fit_memory

DIM, CATEGORIES = 8, 3
QUICK = {"epochs": 3, "batch": 16, "common": 8, "hidden": 8, "capacity": 6}


def make_cache(path, *, seed=0, n=10, audio=("bilstm",), fingerprint="a", split=None, fitted=True):
    """Two separable modalities of CATEGORIES labels; `audio`: names of the audio encoders, `fitted` on the train split,
    so that there is one validation part."""
    with CacheWriter(path) as writer:
        writer.describe(seed=0)
        for modality, name in (("video", "i3d"), *(("audio", name) for name in audio)):
            weights = {"source": "test", "sha256": {"toy": fingerprint}}
            warning = f"{name}: untrained, 50 % & more" if modality == "video" else ""
            notes = {"fitted_on": {}} if fitted and modality == "audio" else {}
            writer.declare(EncoderRecord(modality, name, DIM, {}, weights, warning=warning, notes=notes))
            random = np.random.default_rng([seed, len(name)])
            rows = []
            for category in range(CATEGORIES):
                for i in range(n):
                    features = random.normal(size=DIM) + 4 * np.eye(DIM)[category + (3 if modality == "audio" else 0)]
                    side = split(modality, category) if split else "test" if i % 5 == 4 else "train"
                    item = Item(
                        f"{category}/{i}",
                        modality,
                        f"/nowhere/{modality}/{category}/{i}",
                        split=side,
                        label=f"k{category}",
                    )
                    rows.append(Row(item, features.astype(np.float32), 1.0, 1, 0))
            writer.add(name, rows)
    return FeatureCache(path)


def fit_line(data, *, seed, strength=1.0, noise=0.0):
    """Ridge regression of each modality onto the one-hot classes, with some noise on the weights."""
    towers = TwoTowers(
        TowersConfig("linear", data.fit_video.features.shape[1], data.fit_audio.features.shape[1], CATEGORIES)
    )
    draws = torch.Generator().manual_seed(seed)
    for side, standard, tower in (
        (data.fit_video, towers.standard_video, towers.video),
        (data.fit_audio, towers.standard_audio, towers.audio),
    ):
        standard.fit(side.features)
        inputs, wanted = standard(side.features), torch.eye(CATEGORIES)[side.codes]
        gram = inputs.T @ inputs + strength * torch.eye(inputs.shape[1])
        with torch.no_grad():
            weight = torch.linalg.solve(gram, inputs.T @ wanted).T
            tower.weight.copy_(weight + noise * torch.randn(weight.shape, generator=draws))
            tower.bias.zero_()
    return towers.eval()


def fit_never(data, *, seed, reason="no reason"):
    raise InputError(f"This system cannot be fitted: {reason}.")


def fit_sometimes(data, *, seed, strength):
    if strength > 1:
        raise InputError("The strength is too high.")
    return fit_line(data, seed=seed, strength=strength)


def fit_at_a_turn(data, *, seed, turns, at, signal_, noise):
    """The fitting of the turn `at`, counted by the folders in `turns`, sends a signal to the comparison and hangs.

    The first Ctrl-C lets it go on: it sends two.
    """
    for turn in itertools.count():
        try:
            (Path(turns) / f"{turn}").mkdir(parents=True)  # two that begin at once do not take the same turn
            break
        except FileExistsError:
            continue
    (Path(turns) / f"{turn}" / f"{os.getpid()}").touch()
    if turn == at:
        comparison = os.getppid()
        os.kill(comparison, signal_)
        if signal_ == signal.SIGINT:
            time.sleep(1)
            os.kill(comparison, signal_)
        time.sleep(600)
    return fit_line(data, seed=seed, noise=noise)


def stopped(turns, at, signal_):
    """A system that stops its comparison once, at the fitting `at` (-1: never)."""
    shared = {"turns": str(turns), "at": at, "signal_": int(signal_)}
    return System("Stopped", "a test", "", ({"noise": 0.5, **shared}, {"noise": 0.1, **shared}), fit_at_a_turn)


def run_stopped(cache, out, turns, at, signal_, workers):
    """What the tests start as a process of its own."""
    from fmn.train.experiments.comparison import compare

    compare(FeatureCache(cache), Path(out), systems=[stopped(turns, at, signal_)], seeds=5, ks=(1, 3), workers=workers)


MEMORY = System("Memory", "a test", "", ({}, {"shrinkage": 0.2}), fit_memory, seeded=False, ours=True)
LINE = System("Line & Co_1", "a test", "", ({"noise": 0.5}, {"noise": 0.05}), fit_line)
PLAIN = System("Plain", "a test", "", ({"strength": 1.0}, {"strength": 10.0}), fit_line, seeded=False)
OWN = System("MusiCNN", "a test", "musicnn", ({"noise": 0.1}, {"noise": 0.2}), fit_line)
NEVER = System("Never", "a test", "", ({}, {"reason": "another"}), fit_never)
SOMETIMES = System("Sometimes", "a test", "", ({"strength": 2.0}, {"strength": 1.0}), fit_sometimes)
FMN = System("FMN", "a test", "", (QUICK, {**QUICK, "dropout": 0.0}), None, ours=True)
WITHOUT = System(
    "FMN without memory (beta 0)", "a test", "", tuple({**each, "beta": 0.0} for each in FMN.settings), None, ours=True
)
