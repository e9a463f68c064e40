"""The encoders of the registry that show windows to one network: what is asked, settled, opened and said."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fmn.errors import InputError
from fmn.extract.encoders.pytorchvideo_zoo import NAMES, load_zoo_network, preprocessing
from fmn.extract.encoders.registry import encoder_entry, open_encoder
from fmn.extract.encoders.rgb_clips import clips, evenly
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.media.frames import frames
from fmn.extract.media.sizes import centre_crop, resize_short_side
from fmn.extract.networks.musicnn import musicnn
from fmn.extract.networks.pytorchvideo_zoo import zoo_network
from fmn.extract.networks.untrained import draw_weights, set_norms
from fmn.item import Item

SIZES = {"short_side": 40, "crop": 32}


@pytest.fixture(autouse=True)
def weights_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def test_all_are_in_the_registry():
    for name in (*NAMES, "c3d", "i3d"):
        assert encoder_entry("video", name).name == name
    for name in ("bilstm", "musicnn", "vggish", "musimnet", "vmnet"):
        assert encoder_entry("audio", name).name == name
    with pytest.raises(InputError, match="one of: bilstm, musicnn, musimnet, vggish, vmnet"):
        encoder_entry("audio", "i3d_r50")


def test_what_is_asked_is_json_that_does_not_change_by_being_written():
    for modality, name in [("video", "x3d_m"), ("video", "c3d"), ("audio", "musicnn"), ("audio", "vmnet")]:
        asked = encoder_entry(modality, name).asked(ExtractSettings())
        assert json.loads(json.dumps(asked)) == asked and asked["weights"]


@pytest.mark.parametrize(("length", "count"), [(64, 8), (80, 16), (16, 16), (9, 4)])
def test_frames_are_chosen_as_pytorchvideo_chooses_them(length, count):
    assert evenly(length, count) == torch.linspace(0, length - 1, count).long().tolist()


def test_a_clip_is_shown_as_the_record_says(tools, tmp_path):
    path = tools.clip(tmp_path / "long.mp4", count=70)
    shown = preprocessing(ExtractSettings(**SIZES), name="slow_r50")
    first, last = clips(Item("a", "video", str(path)), shown)
    every = [centre_crop(resize_short_side(frame, 40), 32) for frame in frames(path)]
    for window, start in ((first, 0), (last, 6)):
        chosen = np.stack([every[start + k] for k in (0, 9, 18, 27, 36, 45, 54, 63)])
        wanted = (chosen / 255.0 - 0.45) / 0.225
        assert window.input.shape == (3, 8, 32, 32) and window.repeated == 0
        assert np.allclose(window.input.numpy(), wanted.transpose(3, 0, 1, 2), atol=1e-5)
    assert last.seconds == pytest.approx(70 / 25)


def test_random_weights_are_calibrated_said_and_made_again_exactly(tools, media, tmp_path):
    _, record, _ = tools.settled("video", "x3d_m", tmp_path, media.clips, video_weights="random:7")
    assert "untrained X3D-M (random weights, seed 7), as asked for." in record.warning
    assert record.dim == 2048 and record.weights["calibrated_on"] == 3
    rows = open_encoder(record, tmp_path, "cpu").encode([media.clips[0], media.bad_clip, media.clips[2]])
    assert [media.is_bad(row) for row in rows] == [False, True, False]
    assert rows[0].features.shape == (2048,) and rows[0].repeated == 80 - 12 and rows[0].seconds == 12 / 25
    # Written out: the same draws, the norms of the first windows' batch, the plain mean over windows.
    network = draw_weights(zoo_network("x3d_m"), 7)
    windows = [next(clips(item, record.preprocessing)).input for item in media.clips]
    set_norms(network, [torch.stack(windows)])
    with torch.inference_mode():
        wanted = network(windows[0][None])[0].numpy()
    assert np.allclose(rows[0].features, wanted, atol=1e-4)
    calibration = tmp_path / record.weights["files"]["calibration"]
    assert calibration.name.startswith("x3d_m-calibration-")
    calibration.unlink()
    with pytest.raises(InputError, match="needs its statistics"):
        open_encoder(record, tmp_path, "cpu")


def test_auto_without_weights_names_the_file_and_with_them_takes_it(tools, media, weights_folder, tmp_path):
    _, untrained, _ = tools.settled("video", "x3d_m", tmp_path)
    assert "X3D_M.pyth" in untrained.warning and str(weights_folder) in untrained.warning
    state = tools.set_random(zoo_network("x3d_m")).state_dict()
    torch.save({"model_state": state}, weights_folder / "X3D_M.pyth")
    kind, record, _ = tools.settled("video", "x3d_m", tmp_path)
    assert record.warning == "" and record.weights["path"] == str(weights_folder / "X3D_M.pyth")
    assert kind.asked(ExtractSettings(**SIZES))["found"] == [str(weights_folder / "X3D_M.pyth")]
    row = open_encoder(record, tmp_path, "cpu").encode([media.clips[1]])[0]
    window = next(clips(media.clips[1], record.preprocessing))
    with torch.inference_mode():
        wanted = load_zoo_network(weights_folder / "X3D_M.pyth", "x3d_m")(window.input[None])[0].numpy()
    assert np.allclose(row.features, wanted, atol=1e-5)
    # The same weights in another file are the same encoder; other weights under the recorded path are not.
    save_file(state, tmp_path / "same.safetensors")
    _, same, _ = tools.settled("video", "x3d_m", tmp_path, video_weights=str(tmp_path / "same.safetensors"))
    assert same.fingerprint == record.fingerprint != untrained.fingerprint
    save_file({**state, "blocks.5.pool.pre_norm.bias": torch.ones(432)}, tmp_path / "same.safetensors")
    with pytest.raises(InputError, match="is something else"):
        open_encoder(same, tmp_path, "cpu")


def test_musicnn_takes_its_own_file_by_path(tools, media, tmp_path):
    save_file(tools.set_random(musicnn(), scale=0.02).state_dict(), tmp_path / "mine.safetensors")
    _, record, _ = tools.settled("audio", "musicnn", tmp_path, audio_weights=str(tmp_path / "mine.safetensors"))
    good, bad = open_encoder(record, tmp_path, "cpu").encode([media.sounds[0], media.bad_sound])
    assert good.features.shape == (1506,) and good.repeated == 187 - 32 and media.is_bad(bad)


def test_what_does_not_fit_is_refused_before_anything_is_begun(tmp_path):
    def refused(words, modality="video", name="i3d_r50", **settings):
        with pytest.raises(InputError, match=words):
            encoder_entry(modality, name).asked(ExtractSettings(**settings))

    for flow in ("tvl1", "dis"):
        refused("i3d_r50 sees RGB frames only", flow=flow)
    encoder_entry("video", "i3d_r50").asked(ExtractSettings(flow="none"))
    refused("random:SEED, such as", video_weights="random")
    refused("--video-weights takes one file for I3D-R50", video_weights="a.pt,b.pt")
    refused("--audio-weights takes one file for VGGish", "audio", "vggish", audio_weights="none.pth")
