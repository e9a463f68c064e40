import json
import resource
import signal
import subprocess
import sys

import pytest

from fmn.cache import CacheWriter, FeatureCache
from fmn.cache.check import verify
from fmn.cache.layout import SHARD_ITEMS
from fmn.errors import InputError, NotWritten
from fmn.item import Item


def shards(path):
    return sorted(file.name for file in path.glob("*.h5"))


def test_a_shard_grows_to_256_and_then_a_new_one_begins(tmp_path, row, record):
    with CacheWriter(tmp_path) as writer:
        writer.declare(record())
        writer.add("i3d", [row(f"{n:03d}") for n in range(200)])
        assert len(shards(tmp_path)) == 1
        writer.add("i3d", [row(f"{n:03d}") for n in range(200, 300)])
        assert [entry["items"] for entry in json.loads((tmp_path / "index.json").read_text())["shards"]] == [256, 44]
        full = shards(tmp_path)[0]
        before = (tmp_path / full).read_bytes()
        writer.add("i3d", [row(f"{n:03d}") for n in range(300, 900)])
        assert (tmp_path / full).read_bytes() == before
    assert len(shards(tmp_path)) == -(-900 // SHARD_ITEMS)
    assert FeatureCache(tmp_path).ids("video") == [f"{n:03d}" for n in range(900)]
    assert verify(tmp_path) == []


def test_a_second_run_goes_on(cache, row, record):
    with CacheWriter(cache) as writer:
        assert writer.done("video", "i3d") == {f"v{n}.mp4" for n in range(5)}
        assert writer.done("audio", "i3d") == set()
        assert writer.record("video", "i3d") == record() and writer.record("audio", "i3d") is None
        writer.declare(record())
        writer.add("i3d", [row("v5.mp4", label="wash")])
    read = FeatureCache(cache)
    assert read.ids("video") == [f"v{n}.mp4" for n in range(6)]
    assert read.protocol == {"split": "70/30 per label", "seed": 7}
    assert json.loads((cache / "index.json").read_text())["labels"] == ["cut", "pour", "wash"]


def test_other_settings_under_the_same_name_are_refused(cache, record):
    with CacheWriter(cache) as writer, pytest.raises(InputError) as caught:
        writer.declare(record(flow="tvl1"))
    said = str(caught.value)
    assert "5 video features of encoder i3d" in said and 'flow "dis" / "tvl1"' in said and "another folder" in said


def test_other_settings_under_another_name_or_before_any_item_are_welcome(cache, row, record):
    with CacheWriter(cache) as writer:
        writer.declare(record(name="i3d-tvl1", flow="dis"))
        writer.declare(record(name="i3d-tvl1", flow="tvl1"))
        writer.add("i3d-tvl1", [row("v0.mp4")])
    read = FeatureCache(cache)
    assert read.encoder("video", "i3d-tvl1").preprocessing["flow"] == "tvl1"
    assert read.ids("video", "i3d-tvl1") == ["v0.mp4"] and len(read.ids("video", "i3d")) == 5


def test_a_declaration_renews_what_is_not_in_the_fingerprint(cache, record):
    with CacheWriter(cache) as writer:
        writer.declare(record(warning="video encoder: untrained."))
    assert FeatureCache(cache).encoder("video").warning == "video encoder: untrained."


def test_an_id_counts_once(cache, row):
    with CacheWriter(cache) as writer:
        for rows in ([row("v1.mp4")], [row("new"), row("new")]):
            with pytest.raises(InputError, match="stands twice"):
                writer.add("i3d", rows)
        writer.add("i3d", [row("new")])  # the refused calls left nothing behind
    assert verify(cache) == []


def test_what_add_refuses(cache, row, record):
    with CacheWriter(cache) as writer:
        with pytest.raises(ValueError, match="one modality"):
            writer.add("i3d", [row("x"), row("y", "audio")])
        with pytest.raises(ValueError, match="Declare the audio encoder 'i3d'"):
            writer.add("i3d", [row("x", "audio")])
        writer.declare(record(name="other"))
        long = row("x")
        object.__setattr__(long, "features", long.features[:4])
        with pytest.raises(ValueError, match=r"dim 6.*have 4"):
            writer.add("other", [long])
        writer.add("other", [])
        assert writer.done("video", "other") == set()


def test_failures_are_kept_replaced_and_cleared(cache, row):
    item = Item("bad.wav", "audio", "/media/bad.wav", label="cut", split="test")
    with CacheWriter(cache) as writer:
        writer.fail(item, "It is\nsilent.")
        writer.fail(Item("gone.mp4", "video", "/gone.mp4"), "There is no such file.")
        writer.fail(Item("bad.wav", "video", "/media/bad.wav"), "There is no picture.")
    assert [(f.modality, f.id, f.reason) for f in FeatureCache(cache).failures()] == [
        ("audio", "bad.wav", "It is silent."),
        ("video", "bad.wav", "There is no picture."),
        ("video", "gone.mp4", "There is no such file."),
    ]
    with CacheWriter(cache) as writer:
        writer.add("bilstm", [row("bad.wav", "audio")])
        writer.clear_failure("video", "gone.mp4")
    assert [(f.modality, f.id) for f in FeatureCache(cache).failures()] == [("video", "bad.wav")]


def test_describe_takes_json_only(tmp_path):
    with CacheWriter(tmp_path) as writer, pytest.raises(ValueError, match="JSON"):
        writer.describe(when=object())


def test_two_writers_in_one_process(cache):
    with CacheWriter(cache), pytest.raises(InputError, match="Another process is writing"):
        CacheWriter(cache)
    CacheWriter(cache).close()


def test_two_writers_in_two_processes(cache):
    code = f"from fmn.cache import CacheWriter; it = CacheWriter({str(cache)!r}); print('open', flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(InputError, match="one writer at a time"):
            CacheWriter(cache)
        assert len(FeatureCache(cache).ids("video")) == 5  # readers are not in the way
        other.send_signal(signal.SIGKILL)
        other.wait()
    CacheWriter(cache).close()  # the system freed the lock


def test_a_closed_writer_writes_nothing(cache, row):
    writer = CacheWriter(cache)
    writer.close()
    writer.close()
    before = (cache / "index.json").read_bytes()
    for call in (lambda: writer.add("i3d", [row("x")]), lambda: writer.describe(seed=9)):
        with pytest.raises(ValueError, match="closed"):
            call()
    assert (cache / "index.json").read_bytes() == before and verify(cache) == []


def test_a_write_that_the_system_refuses_leaves_the_cache_as_it_was(cache, row):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = CacheWriter(cache)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # less than any shard: as on a full disk
    try:
        with pytest.raises(NotWritten, match="may not become so large here"):
            writer.add("i3d", [row("x")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert verify(cache) == [] and len(FeatureCache(cache).ids("video")) == 5
    with pytest.raises(ValueError, match="closed"):
        writer.add("i3d", [row("x")])
    with CacheWriter(cache) as again:
        again.add("i3d", [row("x")])
    assert "x" in FeatureCache(cache).ids("video")


def test_a_cache_is_a_folder(tmp_path):
    (tmp_path / "file").write_text("I am a file.")
    for path in (tmp_path / "file", tmp_path / "file" / "cache"):
        with pytest.raises(InputError, match="A cache is a folder"):
            CacheWriter(path)


def test_shards_without_an_index_are_not_swept_away(cache):
    (cache / "index.json").unlink()
    before = shards(cache)
    with pytest.raises(InputError, match=r"no index\.json"):
        CacheWriter(cache)
    assert shards(cache) == before


def test_a_damaged_shard_stops_the_writer_with_advice(cache):
    path = cache / shards(cache)[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=f"{path.name} is damaged.*fmn-cache repair"):
        CacheWriter(cache)
    with pytest.raises(InputError, match="is damaged"):  # and it let go of the lock
        CacheWriter(cache)
