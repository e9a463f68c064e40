"""The page about encoders: its example runs, and what it lists is what there is."""

import re
from pathlib import Path

import av
import numpy as np
import pytest

from fmn.errors import BadItem
from fmn.extract.encoders.registry import ENCODERS, encode_on_worker, encoder_entry
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.fitting.train_part import TrainPart
from fmn.item import Item
from fmn.progress import Silence

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "encoders.md").read_text(encoding="utf-8")


@pytest.fixture
def loudness(monkeypatch):
    """The page's file, run as it stands there and registered."""
    (code,) = re.findall(r"<!-- run: encoder -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    names = {"__name__": "loudness"}
    exec(compile(code, "extract/encoders/loudness.py", "exec"), names)
    monkeypatch.setitem(ENCODERS, ("audio", "loudness"), names["LOUDNESS"])
    return encoder_entry("audio", "loudness")


def test_the_example_encodes(loudness, tmp_path):
    t = np.arange(16000) / 16000
    wave = np.where(t < 0.5, 0.5, 0.05) * np.sin(2 * np.pi * 400 * t)
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.rate = 16000
        container.mux([*stream.encode(frame), *stream.encode()])
    record = loudness.settle(ExtractSettings(), TrainPart(tmp_path, [], lambda *_: iter(()), Silence()))
    assert record.notes == {"told": "audio encoder: loudness", "asked": {"weights": "none"}}
    items = [Item("a.wav", "audio", str(tmp_path / "a.wav")), Item("b.wav", "audio", str(tmp_path / "b.wav"))]
    good, bad = encode_on_worker(items, record=record, cache=tmp_path, device="cpu")
    assert isinstance(bad, BadItem)
    assert good.features.shape == (record.dim,)
    assert np.allclose(good.features, [-9.03] * 4 + [-29.03] * 4, atol=0.05)


def test_the_registration_is_written_as_the_registry_is():
    (line,) = re.findall(r"^    (from \.\w+ import \w+)$", PAGE, re.MULTILINE)
    registry = (ROOT / "extract" / "encoders" / "registry.py").read_text(encoding="utf-8")
    assert line == "from .loudness import LOUDNESS"
    assert re.search(r"^from \.vmnet import VMNET$", registry, re.MULTILINE)
    assert re.search(r"^ENCODERS = \{$", registry, re.MULTILINE)
    assert re.search(r"^        VMNET,$", registry, re.MULTILINE)


def test_every_name_has_a_file_of_its_own():
    files = {path.stem for path in (ROOT / "extract" / "encoders").glob("*.py")}
    zoo = {"i3d_r50", "slow_r50", "c2d_r50", "r2plus1d_r50", "x3d_m"}
    assert {name for _, name in ENCODERS} - zoo <= files and "pytorchvideo_zoo" in files


def test_the_page_lists_every_encoder_with_its_columns(tmp_path):
    rows = re.findall(r"^\| (`[^|]+) \| (\d+) \|", PAGE, re.MULTILINE)
    listed = {name: int(columns) for names, columns in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(listed) == {name for _, name in ENCODERS}
    from fmn.extract.media import descriptors
    from fmn.extract.networks import c3d, musicnn, musimnet, pytorchvideo_zoo, vggish

    assert listed["c3d"] == c3d.FEATURES and listed["i3d_r50"] == listed["x3d_m"] == pytorchvideo_zoo.DIM
    assert listed["musicnn"] == musicnn.FEATURES and listed["vggish"] == vggish.FEATURES
    assert listed["musimnet"] == musimnet.FEATURES and listed["vmnet"] == len(descriptors.column_names())
