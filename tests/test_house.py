"""The house stands: which room may import which, and how large a file may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("cache", "extract", "retrieval", "train", "speech", "datasets", "demo")
ALLOWED = {
    "cache": set(),
    "extract": {"cache"},
    "retrieval": {"cache"},
    "train": {"cache", "retrieval"},
    "speech": set(),
    "datasets": set(),
    "demo": {"cache", "extract", "retrieval", "speech"},
}
MOST_LINES = 400


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room: str):
    files = sources(room)
    assert files
    for path in files:
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "fmn" and len(parts) > 1:
                assert parts[1] in {room, "errors", "__version__", *ALLOWED[room]}, f"{path.relative_to(ROOT)}: {name}"


def test_nothing_reaches_into_the_commands_and_errors_import_nothing():
    for path in [*sources("fmn/commands"), *(path for room in ROOMS for path in sources(room))]:
        if "commands" not in path.parts:
            assert not any(name.startswith("fmn.commands") for name in imported(path)), path
    assert not list(imported(ROOT / "fmn" / "errors.py"))


def test_no_file_is_longer_than_the_house_allows():
    files = [path for folder in (*ROOMS, "fmn", "tests", "bench") for path in sources(folder)]
    long = {
        str(path.relative_to(ROOT)): length for path in files if (length := len(path.open().readlines())) > MOST_LINES
    }
    assert not long


def test_nothing_pickles():
    for path in [path for folder in (*ROOMS, "fmn") for path in sources(folder)]:
        names = set(imported(path))
        assert not names & {"pickle", "cloudpickle", "dill", "joblib", "shelve"}, path


def test_torch_load_is_weights_only():
    for path in [path for folder in (*ROOMS, "fmn") for path in sources(folder)]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords), path


def test_every_room_is_packaged():
    declared = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for room in ROOMS:
        assert f"fmn.{room} = {room}" in declared
        assert f"\n    fmn.{room}\n" in declared
