"""docs/scale.md says what its script computes from the measured costs."""

import importlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_pages_tables_are_the_scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    scale = importlib.import_module("scale")
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page.split(scale.BEGIN)[1].split(scale.END)[0].strip() == scale.page().strip()
    assert all(line["source"] for line in scale.read(scale.UNITS))
    units = scale.costs()
    flow = scale.SECONDS * scale.FPS * (units["TV-L1 flow of a frame"] - units["DIS flow of a frame"])
    found = scale.clips(units)
    assert abs(found["i3d", "tvl1"] - found["i3d", "dis"] - flow) < 1e-9
