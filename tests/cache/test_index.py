import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fmn.cache import CacheWriter, FeatureCache
from fmn.cache.check import verify
from fmn.errors import InputError
from fmn.sealed import without_seal


def changed(cache, change):
    """Rewrite index.json after `change(content)`."""
    content = json.loads((cache / "index.json").read_text())
    change(content)
    (cache / "index.json").write_text(json.dumps(without_seal(content)))


@pytest.mark.parametrize("opener", [FeatureCache, CacheWriter, verify])
@pytest.mark.parametrize(("schema", "advice"), [(2, "update fmn"), (0, "use the fmn that wrote it")])
def test_another_schema_version(cache, opener, schema, advice):
    changed(cache, lambda content: content.update(schema=schema, tool="fmn 9.9.9"))
    with pytest.raises(InputError) as caught:
        opener(cache)
    said = str(caught.value)
    assert f"schema {schema} (written by fmn 9.9.9)" in said and "reads schema 1" in said and advice in said


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema": "1"}',
        b'{"schema": true}',
        b'{"schema": 1}',
        b"[" * 100_000,
        b'{"schema": 1, "protocol": {"x": NaN}}',
        b'{"name": "an index.json of something else"}',
    ],
)
@pytest.mark.parametrize("opener", [FeatureCache, CacheWriter, verify])
def test_an_index_that_is_none(cache, opener, text):
    (cache / "index.json").write_bytes(text)
    before = sorted(file.name for file in cache.iterdir() if file.suffix == ".h5")
    with pytest.raises(InputError, match=r"index\.json is damaged: .*run fmn-extract again"):
        opener(cache)
    assert sorted(file.name for file in cache.iterdir() if file.suffix == ".h5") == before
    assert (cache / "index.json").read_bytes() == text


def set_in(*path, to):
    def change(content):
        place = content
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_in("shards", to={}), "shards must be list"),
        (set_in("shards", 0, to="a"), "ShardEntry must be dict"),
        (set_in("shards", 0, "items", to="3"), "items of ShardEntry must be int"),
        (set_in("shards", 0, "items", to=True), "items of ShardEntry must be int"),
        (set_in("shards", 0, "items", to=0), "1 to 256 items"),
        (set_in("shards", 0, "items", to=10**9), "1 to 256 items"),
        (set_in("shards", 0, "file", to="../../outside/video-i3d-00001.h5"), "must be named video-i3d-NNNNN.h5"),
        (set_in("shards", 0, "file", to="/etc/passwd"), "must be named"),
        (set_in("shards", 0, "file", to="video-i3d-00001.h5\n"), "must be named"),
        (set_in("shards", 0, "file", to="audio-bilstm-00001.h5"), "must be named"),
        (set_in("shards", 0, "encoder", to="nobody"), "must be named"),
        (set_in("encoders", to=[]), "has no encoder record"),
        (set_in("encoders", 0, "modality", to="smell"), "modality must be one of"),
        (set_in("encoders", 0, "dim", to=6.0), "dim of EncoderRecord must be int"),
        (set_in("encoders", 0, "dim", to=7), "does not match its fingerprint"),
        (set_in("encoders", 0, "preprocessing", to=[]), "preprocessing of EncoderRecord must be dict"),
        (set_in("encoders", 0, "weights", "files", to={"rgb": "../x"}), "must lie in the cache folder"),
        (set_in("failures", 0, "reason", to=None), "reason of Failure must be str"),
        (set_in("failures", 0, "modality", to="smell"), "neither video nor audio"),
        (set_in("labels", to=["a", 1]), "label must be str"),
        (set_in("protocol", to=[]), "protocol must be dict"),
        (lambda content: content["shards"].append(content["shards"][0]), "stands there twice"),
        (lambda content: content["encoders"].append(content["encoders"][0]), "stands there twice"),
        (lambda content: content["shards"][0].pop("sha256"), "sha256 of ShardEntry must be str, not None"),
    ],
)
def test_wrong_content_is_named(cache, change, said):
    changed(cache, change)
    for opener in (FeatureCache, CacheWriter):
        with pytest.raises(InputError, match=said):
            opener(cache)


def places(value, path=()):
    """All paths to values within JSON."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.slow
@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=json_values)
def test_whatever_stands_in_the_index_the_answer_is_a_cache_or_a_sentence(cache, data, value):
    sound = (cache / "index.json").read_bytes()
    content = json.loads(sound)
    path = data.draw(st.sampled_from([path for path in places(content) if path]))
    broken = copy.deepcopy(content)
    set_in(*path, to=value)(broken)
    (cache / "index.json").write_text(json.dumps(without_seal(broken)))
    try:
        read = FeatureCache(cache)
        for record in read.encoders():
            assert len(read.ids(record.modality, record.name)) == len(read.features(record.modality, record.name))
        read.failures(), read.warnings()
    except InputError as error:
        assert len(str(error)) > 20
    finally:
        (cache / "index.json").write_bytes(sound)
    assert verify(cache) == []
