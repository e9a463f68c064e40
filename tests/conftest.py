"""What all tests share: no network, one thread each (the cores are for their processes), and which of them are slow."""

import os
import signal
from pathlib import Path

import pytest

os.environ["FMN_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
MARKS = {  # folders and files, the longest first: several processes begin with what would else end alone
    "commands": ("slow", "media"),
    "train": ("slow",),
    "extract/fitting": ("slow",),
    "extract/encoders": ("slow", "media"),
    "extract/networks": ("slow",),
    "demo": ("slow", "media"),
    "speech": ("slow", "media"),
    "extract/media": ("media",),
    "extract/weights": ("slow",),
    "extract/test_graph.py": ("slow",),
    "cache/test_kill.py": ("slow",),
}


def place(path: Path) -> tuple[int, tuple[str, ...]]:
    """Where a test file stands in MARKS, and its marks."""
    for number, (name, marks) in enumerate(MARKS.items()):
        if path == HERE / name or HERE / name in path.parents:
            return number, marks
    return len(MARKS), ()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m "not slow"` would leave out is not even imported."""
    terms = config.getoption("markexpr").split(" and ")
    return True if any(f"not {mark}" in terms for mark in place(collection_path)[1]) else None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The marks of folders; and a file's tests stay on one process, as do all that share the one whole line."""
    for item in items:
        for mark in place(item.path)[1]:
            item.add_marker(mark)
        shared = "line" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("line" if shared else str(item.path.relative_to(HERE))))
    items.sort(key=lambda item: place(item.path)[0])


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    """Numbers that a test draws without naming a seed are the same ones every time."""
    import torch  # only now: it reads the threads' number above when it is imported

    torch.manual_seed(0)
