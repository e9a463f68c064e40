import json
import multiprocessing
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.cache.repair import repair
from fmn.errors import InputError
from fmn.item import Item


def test_all_columns_in_the_order_of_the_ids(cache, expected):
    read = FeatureCache(cache)
    ids = [f"v{n}.mp4" for n in range(5)]
    assert read.ids("video") == ids
    assert np.array_equal(read.features("video"), np.array([expected(name) for name in ids], dtype="f4"))
    assert read.labels("video") == ["pour", "cut", "pour", "cut", "pour"]
    assert read.splits("video") == ["train", "test", "train", "test", "train"]
    assert read.pairs("video") == ["p0", "", "p2", "", "p4"]
    assert read.groups("audio") == ["eva"] * 3
    assert read.paths("video") == [f"/media/{name}" for name in ids]
    assert read.texts("video") == [""] * 5
    assert read.seconds("video").tolist() == [1.5] * 5
    assert read.windows("video").tolist() == [2] * 5
    assert read.repeated("video").tolist() == [0, 3, 0, 3, 0]
    assert [item.id for item in read.items("audio")] == ["a0.wav", "a1.wav", "a2.wav"]


def test_notes_stand_with_their_items_through_a_growing_shard(cache, row):
    said = {"w0.mp4": ("deinterlaced", "turned by 90 degrees"), "w2.mp4": ("tone-mapped from PQ",)}
    assert FeatureCache(cache).notes("video") == [()] * 5
    with CacheWriter(cache) as writer:
        for name in ("w2.mp4", "w0.mp4", "w1.mp4"):
            writer.add("i3d", [row(name, notes=said.get(name, ()))])
    read = FeatureCache(cache)
    assert dict(zip(read.ids("video"), read.notes("video"), strict=True)) == {
        **{f"v{n}.mp4": () for n in range(5)},
        **said,
        "w1.mp4": (),
    }


def test_one_split(cache):
    read = FeatureCache(cache)
    train = read.items("video", split="train")
    assert [item.id for item in train] == ["v0.mp4", "v2.mp4", "v4.mp4"]
    assert np.array_equal(read.features("video", split="train"), read.features("video")[[0, 2, 4]])
    assert read.items("video", split="val") == [] and read.features("video", split="val").shape == (0, 6)


def test_records_and_warnings(cache, record):
    read = FeatureCache(str(cache))
    assert read.encoder("video") == record() == read.encoder("video", "i3d")
    assert read.fingerprint("video") == record().fingerprint
    assert [each.name for each in read.encoders()] == ["bilstm", "i3d"]
    assert read.warnings() == ["audio encoder: untrained."]
    assert read.path == cache
    read.protocol["seed"] = 8
    assert read.protocol["seed"] == 7


def test_features_are_the_callers_own(cache):
    read = FeatureCache(cache)
    read.features("video")[:] = 0
    assert read.features("video").any()


def test_several_encoders_need_a_name(cache, record):
    with CacheWriter(cache) as writer:
        writer.declare(record(name="r50"))
    read = FeatureCache(cache)
    with pytest.raises(InputError, match=r"several encoders \(i3d, r50\): name one"):
        read.ids("video")
    assert read.ids("video", "r50") == [] and read.features("video", "r50").shape == (0, 6)
    with pytest.raises(InputError, match="no video features of encoder 'x3d', but of i3d, r50"):
        read.features("video", "x3d")


def test_a_modality_that_is_not_there(tmp_path):
    CacheWriter(tmp_path).close()
    read = FeatureCache(tmp_path)
    assert read.failures() == [] and read.warnings() == [] and read.protocol == {}
    with pytest.raises(InputError, match="holds no audio features: run fmn-extract"):
        read.ids("audio")


def test_what_is_not_a_cache(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        FeatureCache(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"has no index\.json"):
        FeatureCache(tmp_path)


def test_a_missing_shard_is_named(cache):
    name = json.loads((cache / "index.json").read_text())["shards"][0]["file"]
    (cache / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing.*fmn-cache repair"):
        FeatureCache(cache)


def test_what_was_open_stays_what_it_was(cache, row, expected):
    read = FeatureCache(cache)
    ids = read.ids("video")
    with CacheWriter(cache) as writer:
        writer.add("i3d", [row("v2a.mp4")])
    assert read.ids("video") == ids and len(ids) == 5
    assert np.array_equal(read.features("video"), np.array([expected(name) for name in ids], dtype="f4"))
    assert len(FeatureCache(cache).ids("video")) == 6


def test_a_shard_that_vanishes_while_open_is_named(cache):
    read = FeatureCache(cache)
    read.ids("video")
    for shard in cache.glob("video-*.h5"):
        shard.unlink()
    with pytest.raises(InputError, match="is missing"):
        read.features("video")


def test_items_that_go_while_open_are_counted(cache):
    read = FeatureCache(cache)
    read.ids("video")
    for shard in cache.glob("video-*.h5"):
        shard.unlink()
    repair(cache)
    with pytest.raises(InputError, match="5 of the 5 video items have gone"):
        read.features("video")


def add_rows(path, count, row):
    with CacheWriter(path) as writer:
        for n in range(count):
            writer.add("i3d", [row(f"w{n:03d}.mp4")])


@pytest.mark.slow
@pytest.mark.slow
def test_reading_while_a_process_writes(cache, row, expected):
    process = multiprocessing.get_context("fork").Process(target=add_rows, args=(cache, 150, row))
    process.start()
    sizes = set()
    while process.is_alive() or not sizes:
        read = FeatureCache(cache)
        features, ids = read.features("video"), read.ids("video")
        assert np.array_equal(features, np.array([expected(name) for name in ids], dtype="f4"))
        sizes.add(len(ids))
    process.join()
    assert process.exitcode == 0 and len(sizes) > 1 and len(FeatureCache(cache).ids("video")) == 155


plain = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
text = plain | plain.map(lambda name: name + os.fsdecode(b"\xe9"))  # file names need not be UTF-8
times = st.sampled_from([(None, None), (0.0, 1.5), (2.25, None), (None, 3.0)])
items = st.builds(
    lambda name, label, split, pair, group, said, extra, span: Item(
        name, "video", f"/media/{name}", label, split, pair, group, *span, text=said, extra=extra
    ),
    text.filter(bool),
    text,
    st.sampled_from(["", "train", "val", "test"]),
    text,
    text,
    text,
    st.dictionaries(text, text, max_size=2),
    times,
)
vectors = st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=3, max_size=3)
rows = st.builds(
    Row,
    items,
    vectors.map(np.array),
    seconds=st.floats(0, 1e6),
    windows=st.integers(0, 99),
    repeated=st.integers(0, 99),
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), made=st.lists(rows, max_size=9, unique_by=lambda row: row.item.id))
def test_what_goes_in_comes_out_whatever_the_order_and_the_batches(tmp_path_factory, data, made):
    path = tmp_path_factory.mktemp("order")
    left = data.draw(st.permutations(made))
    with CacheWriter(path) as writer:
        writer.declare(EncoderRecord("video", "i3d", 3))
        while left:
            size = data.draw(st.integers(1, len(left)))
            writer.add("i3d", left[:size])
            left = left[size:]
    read = FeatureCache(path)
    wanted = sorted(made, key=lambda row: row.item.id)
    assert read.items("video") == [row.item for row in wanted]
    assert read.features("video").tolist() == [row.features.tolist() for row in wanted]
    assert read.seconds("video").tolist() == [row.seconds for row in wanted]
    assert read.windows("video").tolist() == [row.windows for row in wanted]
    assert read.repeated("video").tolist() == [row.repeated for row in wanted]
