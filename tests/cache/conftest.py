"""What the cache tests share: items whose features follow from their ids, so that any mix-up shows."""

import zlib

import numpy as np
import pytest

from fmn.cache import CacheWriter, EncoderRecord, Row
from fmn.item import Item

DIM = 6


def features_of(item_id):
    return np.random.default_rng(zlib.crc32(item_id.encode("utf-8", "surrogateescape"))).normal(size=DIM)


def make_row(item_id, modality="video", repeated=0, notes=(), **facts):
    item = Item(item_id, modality, f"/media/{item_id}", **facts)
    return Row(item, features_of(item_id), seconds=1.5, windows=2, repeated=repeated, notes=notes)


def make_record(modality="video", name="i3d", flow="dis", sha="ab" * 32, **facts):
    weights = {"source": "random:0", "sha256": {"rgb": sha}}
    return EncoderRecord(modality, name, DIM, {"flow": flow, "size": [256, 224]}, weights, **facts)


@pytest.fixture
def row():
    return make_row


@pytest.fixture
def record():
    return make_record


@pytest.fixture
def expected():
    return features_of


@pytest.fixture
def cache(tmp_path):
    """A small sound cache: 5 videos in two commits, 3 recordings, one failure."""
    path = tmp_path / "cache"
    with CacheWriter(path) as writer:
        writer.describe(split="70/30 per label", seed=7)
        writer.declare(make_record())
        writer.declare(make_record("audio", "bilstm", warning="audio encoder: untrained."))
        writer.add("i3d", [make_row(f"v{n}.mp4", label="pour", split="train", pair=f"p{n}") for n in (4, 0, 2)])
        writer.add("i3d", [make_row(f"v{n}.mp4", label="cut", split="test", repeated=3) for n in (3, 1)])
        writer.add("bilstm", [make_row(f"a{n}.wav", "audio", label="cut", split="test", group="eva") for n in range(3)])
        writer.fail(Item("bad.wav", "audio", "/media/bad.wav", label="cut", split="test"), "The file has no samples.")
    return path
