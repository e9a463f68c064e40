"""What cannot be done is refused before anything is read, fitted or allocated."""

import pytest

from fmn.errors import InputError
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.fitting.bilstm import FitSettings
from fmn.extract.media.two_streams import VideoSettings
from fmn.extract.pipeline import extract


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fps": 1e-300}, "The frame rate is from 0.001 to 1000 a second, got 1e-300."),
        ({"fps": float("nan")}, "The frame rate is from 0.001 to 1000 a second, got nan."),
        ({"short_side": 10**9}, "The short side of a frame is at most 8192 pixels, got 1000000000."),
        ({"window": 10**9}, "A window may take 4 GiB; 1000000000 frames of 224 x 224 pixels take 5.61e"),
        ({"short_side": 8000, "crop": 8000}, "A window may take 4 GiB; 64 frames of 8000 x 8000 pixels take 45.8 GiB"),
    ],
)
def test_sizes_that_no_machine_holds_are_refused(given, said):
    for settings in (ExtractSettings, VideoSettings):
        with pytest.raises(InputError) as raised:
            settings(**given)
        assert str(raised.value).startswith(said)


def test_a_network_that_no_machine_holds_is_refused():
    with pytest.raises(InputError, match="1 to 8192 units each way, not 1000000000"):
        FitSettings(units=10**9)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"device": "cuda:999"}, "The device is auto, cpu, cuda or cuda:N"),
        ({"video_weights": "{file}"}, "{file}"),
        ({"video_encoder": "c3d", "video_weights": "{file}"}, "{file}"),
        ({"audio_weights": "{file}"}, "{file}"),
        ({"audio_encoder": "musicnn", "audio_weights": "{file}"}, "{file}"),
    ],
)
def test_a_device_or_weights_that_cannot_be_used_are_refused_before_the_set_is_looked_at(tmp_path, chosen, said):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"these are no weights")
    settings = ExtractSettings(**{name: value.format(file=file) for name, value in chosen.items()})
    with pytest.raises(InputError, match=said.format(file=file)):
        extract(tmp_path / "nowhere", None, tmp_path / "cache", settings)
    assert not (tmp_path / "cache").exists()
