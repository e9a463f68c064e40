"""Media in stores: fetched for the task, hashed, removed, and the same items as those of this machine."""

import hashlib
import importlib.util
import tempfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest

from fmn.cache import FeatureCache
from fmn.child import GIB, Limits
from fmn.errors import BadItem, InputError
from fmn.extract import fetched
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.fetched import SHA256, on_files
from fmn.extract.graph import local_workers, mapper, run_items
from fmn.extract.items.scan import scan
from fmn.extract.pipeline import extract
from fmn.extract.weights.fitted_on import item_key
from fmn.item import Item
from fmn.manifest import write_manifest

LIMITS = Limits(stall=120.0, memory=GIB // 2)
SMALL = ExtractSettings(
    video_weights="random:0", short_side=40, crop=32, window=24, audio_encoder="vmnet", workers=0, device="cpu"
)


@pytest.fixture
def store():
    yield (store := fsspec.filesystem("memory"))
    for name in store.ls("/", detail=False):
        store.rm(name, recursive=True)


def read(items):
    """The bytes and the names that a task is given."""
    return [(Path(item.path).read_bytes(), item.path) for item in items]


def fail(items):
    return [BadItem(f"{item.path}: is damaged.") for item in items]


def test_files_are_fetched_for_the_task_once_and_removed(store, tmp_path):
    store.pipe_file("/bucket/a b.wav", b"first")
    here = tmp_path / "here.wav"
    here.write_bytes(b"own")
    items = [Item(str(n), "audio", "memory://bucket/a b.wav", start=n) for n in range(2)]
    items.append(Item("2", "audio", str(here)))
    folder = tmp_path / "fetched"
    (first, name), (second, again), (own, kept) = on_files(read, items, folder)
    assert (first, second, own) == (b"first", b"first", b"own") and name == again and kept == str(here)
    assert Path(name).parent == folder and name.endswith(".wav") and here.exists() and not list(folder.iterdir())
    told = on_files(fail, items, folder)
    assert [str(bad) for bad in told[1:]] == ["memory://bucket/a b.wav: is damaged.", f"{here}: is damaged."]
    with pytest.raises(ZeroDivisionError):
        on_files(lambda items: 1 // 0, items, folder)
    assert not list(folder.iterdir())


def test_what_cannot_be_fetched_is_a_sentence_and_its_neighbours_are_done(store, tmp_path, monkeypatch):
    store.pipe_file("/bucket/a.wav", b"first")
    store.pipe_file("/bucket/large.wav", bytes(2000))
    monkeypatch.setattr(fetched, "LARGEST", 1000)
    items = [Item(name, "audio", f"memory://bucket/{name}") for name in ("none.wav", "a.wav", "large.wav")]
    missing, (good, _), large = on_files(read, items, tmp_path)
    assert good == b"first" and str(missing) == "memory://bucket/none.wav: cannot be fetched (it is not there)."
    assert "at most 0 are fetched" in str(large)
    monkeypatch.setattr(fetched, "SPARE", 1 << 60)
    assert "Give the workers' temporary folder more room" in str(on_files(read, items[1:2], tmp_path)[0])
    assert not list(tmp_path.iterdir())


def test_a_set_in_a_store_is_the_same_set(store, media, tmp_path):
    """The features of the files, their checksums beside them; nothing is fetched again or left; moved items are known
    by their content."""
    rows = [{"id": each.id, "modality": each.modality, "label": each.label} for each in (*media.clips, *media.sounds)]
    paths = [each.path for each in (*media.clips, *media.sounds)]
    for path in paths:
        store.put_file(path, f"/bucket/{Path(path).name}")
    urls = [f"memory://bucket/{Path(path).name}" for path in paths]

    def run(name, places, cache):
        table = [{**row, "path": place} for row, place in zip(rows, places, strict=True)]
        manifest = write_manifest(tmp_path / name, ("id", "modality", "path", "label"), table)
        return extract(None, None, tmp_path / cache, SMALL, manifest=manifest)

    before = scratch()
    assert not run("here.csv", paths, "here").failures and not run("there.csv", urls, "there").failures
    assert scratch() == before
    here, there = FeatureCache(tmp_path / "here"), FeatureCache(tmp_path / "there")
    for modality, name in (("video", "i3d"), ("audio", "vmnet")):
        assert np.array_equal(here.features(modality, name), there.features(modality, name))
        assert here.encoder(modality, name).fingerprint == there.encoder(modality, name).fingerprint
        for item in there.items(modality, name):
            source = Path(paths[urls.index(item.path)])
            assert item.extra[SHA256] == hashlib.sha256(source.read_bytes()).hexdigest()
    store.rm("/bucket", recursive=True)  # what is fetched now is said to be missing
    for places in (urls, paths):
        again = run("again.csv", places, "there")
        assert not again.failures and again.reused == {"video": 3, "audio": 3} and not again.extracted.total()
    with pytest.raises(InputError, match="is another file of that id"):
        run("other.csv", [*paths[1:3], paths[0], *paths[3:]], "there")


def scratch():
    return sorted(Path(tempfile.gettempdir(), "dask-scratch-space").glob("fmn-fetched-*"))


def test_folders_of_a_store_are_scanned(store):
    for name in ("videos/open/1.mp4", "videos/shut/2.mp4", "audio/open/a.wav", "audio/shut/b.wav"):
        store.pipe_file(f"/bucket/{name}", b"x")
    items = scan("memory://bucket/videos", "memory://bucket/audio/").items
    assert [(item.id, item.label, item.path) for item in items if item.modality == "audio"] == [
        ("open/a.wav", "open", "memory://bucket/audio/open/a.wav"),
        ("shut/b.wav", "shut", "memory://bucket/audio/shut/b.wav"),
    ]
    assert len(items) == 4


def test_an_item_of_a_store_has_a_key_that_changes_with_its_file(store):
    store.pipe_file("/bucket/a.wav", b"first")
    item = Item("a", "audio", "memory://bucket/a.wav")
    first = item_key(item)
    assert first == item_key(replace(item, id="b")) != item_key(replace(item, start=1.0))
    store.pipe_file("/bucket/a.wav", b"other")
    assert item_key(item) != first and item_key(replace(item, path="memory://bucket/none.wav")) == ""


def test_workers_fetch_and_a_crash_leaves_nothing(work, tmp_path):
    for name in ("sound0", "crash1", "sound2"):
        (tmp_path / name).write_text("x")
    items = [Item(name, "audio", f"file://{tmp_path}/{name}") for name in ("sound0", "crash1", "sound2", "none3")]
    with local_workers(1) as client:
        found = {item.id: result for batch in run_items(client, work, items, 2, LIMITS) for item, result in batch}
        left = client.run(lambda dask_worker: [str(path) for path in Path(dask_worker.local_directory).rglob("*/*")])
    assert found["sound0"] == "sound0" * 2 and found["sound2"] == "sound2" * 2
    assert "lost, twice" in str(found["crash1"]) and "it is not there" in str(found["none3"])
    assert list(left.values()) == [[]]


@pytest.mark.skipif(importlib.util.find_spec("aiohttp") is None, reason="needs the extra http")
def test_a_server_is_a_store(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"first")
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{server.server_port}"
        with mapper(0) as run:
            items = [Item(name, "audio", f"{at}/{name}") for name in ("a.wav", "none.wav")]
            (_, (good, _)), (_, bad) = [pair for batch in run(read, items, 1) for pair in batch]
        server.shutdown()
    assert good == b"first" and str(bad) == f"{at}/none.wav: cannot be fetched (it is not there)."
