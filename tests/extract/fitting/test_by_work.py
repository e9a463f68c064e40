"""What is fitted by default is fitted by a bounded amount of work: the same items, passes and weights every time."""

import functools

import torch

from fmn.extract.fitting import bilstm, from_scratch
from fmn.extract.fitting.bilstm import FitSettings, fit_on_train
from fmn.extract.fitting.train_part import TrainPart
from fmn.extract.media.two_streams import VideoSettings
from fmn.item import Item
from fmn.progress import Silence

LABELS = ("rise", "fall")


class Sayings(Silence):
    def __init__(self):
        self.said = []

    def say(self, sentence):
        self.said.append(sentence)


def items_of(folder, kind, modality, each):
    return [
        Item(
            f"{label}/{k}",
            modality,
            str(folder / kind / label / f"{k}.{'mp4' if kind == 'videos' else 'wav'}"),
            label=label,
            split="train",
        )
        for label in LABELS
        for k in range(each)
    ]


def test_a_bilstm_is_fitted_on_so_many_recordings_in_so_many_passes(small_set, tools, tmp_path, monkeypatch):
    small_set(tmp_path, each=4)
    monkeypatch.setattr(bilstm, "FitSettings", functools.partial(FitSettings, units=6))
    monkeypatch.setattr(bilstm, "RECORDINGS", 6)
    monkeypatch.setattr(bilstm, "HEARD", 11.0)  # six of 0.6 s are 3.6 s a pass
    watcher = Sayings()
    part = TrainPart(tmp_path, items_of(tmp_path, "audio", "audio", 4), tools.in_process, watcher)
    network, _ = fit_on_train(part)
    about = network.fitted_on
    assert about["items"] + about["held_out"] == 6 and (about["epochs"], about["cut"]) == (3, False)
    assert len(about["content"]) == 6 and "The Bi-LSTM is fitted on 6 of 8 recordings." in watcher.said
    again, _ = fit_on_train(part)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items())


def test_i3d_is_fitted_on_so_many_clips_in_so_many_passes(small_set, tools, tmp_path, monkeypatch):
    for number, label in enumerate(LABELS):
        for k in range(14):
            tools.clip(tmp_path / "videos" / label / f"{k}.mp4", seed=20 * number + k)
    monkeypatch.setattr(from_scratch, "CLIPS", 26)
    monkeypatch.setattr(from_scratch, "PASSES", 1)
    shown = VideoSettings(flow="none", short_side=40, crop=32, window=8)
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        watcher = Sayings()
        part = TrainPart(tmp_path / name, items_of(tmp_path, "videos", "video", 14), tools.in_process, watcher)
        fit = from_scratch.fit_from_scratch(part, shown)
        result = fit.streams["rgb"]
        assert fit.fitted + fit.held_out == 26 and fit.left_out == 2 and not result.cut
        assert len(result.epochs) == 2 and any("26 of 28 clips are fitted on" in said for said in watcher.said)
        found.append(result.network.state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
