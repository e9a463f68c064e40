"""Fitting one stream: it learns, keeps its best epoch, leaves frozen stages alone, and goes on to the same bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fmn.errors import InputError
from fmn.extract.fitting.checkpoint import FolderKeeper
from fmn.extract.fitting.clips import as_batch, centre_windows, mirrored
from fmn.extract.fitting.i3d_settings import FinetuneSettings
from fmn.extract.fitting.sources import FrameSource, MapSource
from fmn.extract.fitting.stream_fit import FitClips, StreamFit, two_stream_accuracy
from fmn.extract.networks.i3d import untrained_i3d
from fmn.extract.networks.i3d_fast import FastI3d

HOW = FinetuneSettings(epochs=2, batch=3, learning_rate=1e-3, precision="fp32", dropout=0.2)


@pytest.fixture
def clips(clip):
    """Dark and bright clips, five to fit on and two to validate."""
    made = [clip(f"c{k}", frames=9, seed=k, level=40 + 120 * (k % 2)) for k in range(7)]
    return FitClips(made[:5], [0, 1, 0, 1, 0], made[5:], [1, 0], 2)


def fit(clips, how=HOW, stream="rgb", seed=0):
    network = untrained_i3d(3 if stream == "rgb" else 2, seed, 2)
    return StreamFit(network, stream, clips, FrameSource(stream, 8, 32), how)


@pytest.mark.parametrize("stream", ["rgb", "flow"])
def test_bright_and_dark_are_told_apart(clips, stream):
    one = fit(clips, stream=stream)
    seen = []
    one.run(seen.append)
    assert [epoch.number for epoch in seen] == [0, 1, 2] and one.best is not None and one.best.accuracy == 1.0
    scores = one.scores()
    assert scores.shape == (2, 2) and torch.allclose(scores.exp().sum(dim=1), torch.ones(2), atol=0.2)
    assert scores.argmax(dim=1).tolist() == [1, 0]


def test_the_best_epoch_is_what_remains(clips):
    one = fit(clips)
    one.run(lambda epoch: None)
    best = max(one.epochs, key=lambda epoch: (epoch.accuracy, -epoch.validation_loss))
    assert one.best == best
    assert float(torch.nn.functional.nll_loss(one.scores(), torch.tensor([1, 0]))) == pytest.approx(
        best.validation_loss, abs=1e-6
    )


def test_frozen_stages_do_not_move(clips):
    one = fit(clips, replace(HOW, frozen_until="Mixed_5b", epochs=1))
    before = {name: value.clone() for name, value in one.network.state_dict().items()}
    one.start()
    one._one_pass(1)
    moved = {
        name.split(".")[0] for name, value in one.network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"Mixed_5b", "Mixed_5c", "logits"}


def test_patience_ends_a_fitting(clips):
    one = fit(clips, replace(HOW, epochs=50, patience=1, learning_rate=1e-9))
    one.run(lambda epoch: None)
    assert len(one.epochs) - 1 - one.best.number == 1 < 50


def test_minutes_cut_the_plan_and_it_is_said(clips):
    one = fit(clips, replace(HOW, epochs=1000, minutes=1e-3))
    one.run(lambda epoch: None)
    assert one.cut and len(one.epochs) == 2


def test_two_half_batches_make_one_update(clips):
    one = fit(clips, replace(HOW, batch=2, accumulate=2))
    one.start()
    one._one_pass(1)
    assert one.updates == 2  # three batches of 2, 2 and 1 + 1 clips: an update after the second and after the last


def test_a_fitting_in_two_processes_worth_of_pieces_ends_in_the_same_bits(clips, tmp_path):
    whole = fit(clips)
    whole.run(lambda epoch: None)
    keeper = FolderKeeper(tmp_path)
    first = fit(clips)

    class Stop(Exception):
        pass

    def stop(epoch):
        keeper.keep(first, epoch)
        if epoch.number == 1:
            raise Stop

    with pytest.raises(Stop):
        first.run(stop)
    second = fit(clips)
    keeper.restore(second)
    assert len(second.epochs) == 2
    second.run(lambda epoch: keeper.keep(second, epoch))
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name
    keeper.forget(["rgb"])
    assert not list(tmp_path.glob("state-*"))


def test_a_damaged_state_is_a_sentence(clips, tmp_path):
    (tmp_path / "state-rgb.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be resumed"):
        FolderKeeper(tmp_path).restore(fit(clips))


def test_two_streams_are_added():
    rgb = torch.log(torch.tensor([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]]))
    flow = torch.log(torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.45, 0.55]]))
    right = np.argmax(np.exp(rgb.numpy()) * np.exp(flow.numpy()), axis=1)
    assert right.tolist() == [1, 0, 1]
    assert two_stream_accuracy({"rgb": rgb, "flow": flow}, [1, 1, 1]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"optimiser": "lion"}, "adamw, sgd"),
        ({"precision": "fp8"}, "auto, bf16, fp32"),
        ({"frozen_until": "Mixed_9z"}, "Mixed_5c"),
        ({"dropout": 1.0}, "dropout in"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        FinetuneSettings(**wrong)


def test_fitting_on_maps_is_fitting_on_frames_with_the_lower_part_frozen(clips, tmp_path):
    """The maps are what goes into the entry; what is below it never moves; and extraction's network sees the same."""
    network = untrained_i3d(3, 0, 2)
    lower = FastI3d(network, dtype=torch.float32)
    source = MapSource(lower, "Mixed_5b", "rgb", 8, 32, tmp_path)
    for clip in [*clips.fitted, *clips.validated]:
        source.prepare(clip)
    frames = FrameSource("rgb", 8, 32)
    for clip in clips.fitted:
        for made, window in zip(source.centre(clip), frames.centre(clip), strict=True):
            wanted = window[None]
            for name in network.trunk[: network.trunk.index("Mixed_5b")]:
                wanted = network.get_submodule(name)(wanted)
            assert torch.allclose(made, wanted[0], rtol=2e-3, atol=2e-3)  # float16 on disk
    before = {name: value.clone() for name, value in network.state_dict().items()}
    one = StreamFit(network, "rgb", clips, source, HOW)
    assert one.start().accuracy == 1.0
    one._one_pass(1)
    moved = {name.split(".")[0] for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"Mixed_5b", "Mixed_5c", "logits"}
    network.eval()
    with torch.no_grad():
        whole = [network(torch.stack(list(frames.centre(clip)))).log_softmax(1).mean(0) for clip in clips.validated]
    assert torch.allclose(torch.stack(whole), one.scores(), rtol=1e-2, atol=2e-2)


def test_a_random_map_is_that_of_a_window_or_of_its_mirror_image(clips, tmp_path):
    lower = FastI3d(untrained_i3d(2, 0, 2), dtype=torch.float32)
    source = MapSource(lower, "Mixed_4b", "flow", 8, 32, tmp_path)
    clip = clips.fitted[0]
    source.prepare(clip)
    windows = list(centre_windows(clip, "flow", 8, 32))
    known = [
        lower.maps(as_batch([each]), "Mixed_4b")[0].half().float()
        for window in windows
        for each in (window, mirrored(window, "flow"))
    ]
    draw = np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        drawn = source.random(clip, draw)
        seen |= {k for k, wanted in enumerate(known) if torch.equal(drawn, wanted)}
    assert seen == set(range(2 * len(windows)))
    (tmp_path / "plain").mkdir()
    plain = MapSource(lower, "Mixed_4b", "flow", 8, 32, tmp_path / "plain", mirror=False)
    plain.prepare(clip)
    for _ in range(10):  # of the windows themselves alone
        drawn = plain.random(clip, draw)
        assert any(torch.equal(drawn, wanted) for wanted in known[::2])
    assert all(torch.equal(*both) for both in zip(plain.centre(clip), source.centre(clip), strict=True))
