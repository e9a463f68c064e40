"""Which features a row takes, and the command that makes missing ones, in the words that fmn-extract remembers."""

import shlex

import pytest
from experiment_stubs import OWN, PLAIN, make_cache

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache
from fmn.commands.extract import main as extract_command
from fmn.errors import InputError
from fmn.extract.encoders.registry import encoder_entry
from fmn.extract.encoders.settings import ExtractSettings
from fmn.train.experiments.systems import (
    NAMES,
    OWN_AUDIO,
    encoders_of,
    extraction,
    known_systems,
    main_encoders,
)


@pytest.mark.parametrize(
    ("audio", "wanted"),
    [
        (("bilstm", "vggish", "musicnn"), "bilstm"),
        (("vggish", "musicnn", "vmnet"), "vggish"),
        (("musicnn",), None),
        (("vggish", "other"), None),
    ],
)
def test_the_main_audio_encoder(tmp_path, audio, wanted):
    cache = make_cache(tmp_path / "cache", audio=audio)
    if wanted is None:
        with pytest.raises(InputError, match="--audio-encoder"):
            main_encoders(cache)
        assert main_encoders(cache, audio=audio[0])["audio"] == audio[0]
    else:
        assert main_encoders(cache) == {"video": "i3d", "audio": wanted}
        assert main_encoders(cache, audio=audio[1])["audio"] == audio[1]


def test_a_row_takes_its_own_features(tmp_path):
    cache = make_cache(tmp_path / "cache", audio=("bilstm", "musicnn"))
    main = main_encoders(cache)
    assert encoders_of(OWN, main, cache) == {"video": "i3d", "audio": "musicnn"}
    assert encoders_of(PLAIN, main, cache) == {"video": "i3d", "audio": "bilstm"}


@pytest.mark.parametrize(
    ("video", "given"),
    [
        ("i3d", {"video_weights": "random:3", "flow": "dis", "short_side": 128, "crop": 112, "window": 32, "seed": 5}),
        ("i3d", {}),
        ("i3d", {"crop": 64, "fps": 12.5, "flow": "none"}),
        ("i3d_r50", {"video_weights": "random:1", "short_side": 64, "crop": 56, "seed": 2}),
        ("c3d", {"video_weights": "random:1"}),
    ],
)
def test_the_command_asks_for_the_video_encoder_in_the_same_words(tmp_path, video, given):
    entry = encoder_entry("video", video)
    asked = entry.asked(ExtractSettings(video_encoder=video, **given))
    with CacheWriter(tmp_path / "a cache") as writer:
        writer.describe(seed=given.get("seed", 0))
        writer.declare(EncoderRecord("video", video, 8, {}, {"sha256": {}}, notes={"asked": asked}))
    cache = FeatureCache(tmp_path / "a cache")
    words = shlex.split(extraction(cache, cache.encoder("video"), "vmnet"))
    assert words[0] == "fmn-extract"
    parsed = extract_command.make_context("fmn-extract", words[1:]).params
    assert str(parsed["cache"]) == str(tmp_path / "a cache") and parsed["manifest"] == parsed["cache"] / "manifest.csv"
    assert parsed["audio_encoder"] == "vmnet"
    names = ("video_encoder", "video_weights", "flow", "short_side", "crop", "window", "fps", "seed")
    settings = ExtractSettings(**{name: parsed[name] for name in names})
    assert entry.asked(settings) == cache.encoder("video").notes["asked"]


def test_the_registry_names_the_papers_rows_and_encoders_that_there_are():
    assert NAMES[:6] == ("CCA", "KCCA", "DCCA", "MuSimNet", "MusiCNN", "VM-Net") and len(NAMES) == 14
    for name in OWN_AUDIO:
        assert encoder_entry("audio", name).name == name
    found = known_systems(["fmn AS printed", "FMN"])
    assert [system.name for system in found] == ["FMN", "FMN as printed"]
    assert [len(system.settings) for system in found] == [6, 6]
    with pytest.raises(InputError, match="'nobody'"):
        known_systems(["CCA", "Nobody"])


@pytest.mark.parametrize("name", NAMES[:9])
def test_every_baseline_has_as_many_candidates_as_the_fmn(name):
    (system,) = known_systems([name])
    assert len(system.settings) == 6 and system.fit is not None
