"""The stub systems must be importable by name, here and in the comparison's processes."""

import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)


@pytest.fixture
def cache(tmp_path):
    from experiment_stubs import make_cache

    return make_cache(tmp_path / "cache")
