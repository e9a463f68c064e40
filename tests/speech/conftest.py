"""Manifests made here; the media that they name are never opened by what is tested."""

import csv

import pytest

LABELS = ("pour milk", "cut onion", "take out spatula")


@pytest.fixture(scope="session")
def manifest():
    """Write a manifest of rows (dicts); columns are those of the first row."""

    def write(path, rows):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture(scope="session")
def rows():
    """The rows of a written manifest."""

    def read(path, modality=None):
        with path.open(newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if modality in (None, row["modality"])]

    return read


@pytest.fixture
def clips(tmp_path, manifest):
    """A manifest of two clips a label."""
    listed = [
        {"modality": "video", "path": f"videos/{label}/{n}.mp4", "label": label} for label in LABELS for n in (1, 2)
    ]
    return manifest(tmp_path / "set.csv", listed)
