"""The page about encoders: its example runs, and what it lists is what there is."""

import re
from pathlib import Path

import av
import numpy as np
import pytest

from fmn.errors import BadItem
from fmn.extract.encoders import registry as encoders
from fmn.extract.encoders.door import Settling
from fmn.extract.encoders.registry import encode_on_worker, encoder_kind
from fmn.extract.encoders.settings import ExtractSettings
from fmn.item import Item
from fmn.progress import Silence

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "encoders.md").read_text(encoding="utf-8")


@pytest.fixture
def loudness(monkeypatch):
    """The page's file, run as it stands there and registered."""
    (code,) = re.findall(r"<!-- run: encoder -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    names = {"__name__": "encoder_loudness"}
    exec(compile(code, "extract/encoder_loudness.py", "exec"), names)
    known = encoders._kinds()
    monkeypatch.setattr(encoders, "_kinds", lambda: {**known, ("audio", "loudness"): names["LOUDNESS"]})
    return encoder_kind("audio", "loudness")


def test_the_example_encodes(loudness, tmp_path):
    t = np.arange(16000) / 16000
    wave = np.where(t < 0.5, 0.5, 0.05) * np.sin(2 * np.pi * 400 * t)
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.rate = 16000
        container.mux([*stream.encode(frame), *stream.encode()])
    record = loudness.settle(Settling(tmp_path, ExtractSettings(), [], lambda *_: iter(()), Silence()))
    items = [Item("a.wav", "audio", str(tmp_path / "a.wav")), Item("b.wav", "audio", str(tmp_path / "b.wav"))]
    good, bad = encode_on_worker(items, record=record, cache=tmp_path, device="cpu")
    assert isinstance(bad, BadItem)
    assert good.features.shape == (record.dim,)
    assert np.allclose(good.features, [-9.03] * 4 + [-29.03] * 4, atol=0.05)


def test_the_registration_is_written_as_the_registry_is():
    (line,) = re.findall(r"^    (from fmn\.extract\.encoder_\w+ import \w+)$", PAGE, re.MULTILINE)
    registry = (ROOT / "extract" / "encoders.py").read_text(encoding="utf-8")
    assert re.search(r"^    from fmn\.extract\.encoder_vmnet import VMNET$", registry, re.MULTILINE)
    assert re.fullmatch(r"from fmn\.extract\.encoder_loudness import LOUDNESS", line)
    assert re.search(r"^    kinds = \(.*\bVMNET\b.*\)$", registry, re.MULTILINE)


def test_the_page_lists_every_encoder_with_its_columns(tmp_path):
    rows = re.findall(r"^\| (`[^|]+) \| (\d+) \|", PAGE, re.MULTILINE)
    listed = {name: int(columns) for names, columns in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(listed) == {name for _, name in encoders._kinds()}
    from fmn.extract.media import descriptors
    from fmn.extract.networks import c3d, musicnn, musimnet, pytorchvideo_zoo, vggish

    assert listed["c3d"] == c3d.FEATURES and listed["i3d_r50"] == listed["x3d_m"] == pytorchvideo_zoo.DIM
    assert listed["musicnn"] == musicnn.FEATURES and listed["vggish"] == vggish.FEATURES
    assert listed["musimnet"] == musimnet.FEATURES and listed["vmnet"] == len(descriptors.column_names())
