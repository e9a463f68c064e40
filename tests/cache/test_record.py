import dataclasses
import hashlib
import json

import pytest

from fmn.cache.record import EncoderRecord


def test_the_fingerprint_is_the_stated_hash(record):
    made = record()
    facts = ["video", "i3d", 6, {"flow": "dis", "size": [256, 224]}, {"rgb": "ab" * 32}]
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    assert made.fingerprint == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [{"modality": "audio"}, {"name": "r50"}, {"dim": 7}, {"preprocessing": {}}, {"weights": {"sha256": {"rgb": "cd"}}}],
)
def test_what_changes_the_fingerprint(record, change):
    assert dataclasses.replace(record(), **change).fingerprint != record().fingerprint


def test_what_does_not_change_the_fingerprint(record):
    made = record()
    weights = {**made.weights, "source": "/elsewhere", "files": {"rgb": "rgb.safetensors"}}
    other = dataclasses.replace(made, weights=weights, warning="Untrained.", notes={"fitted": "on nothing"})
    assert other.fingerprint == made.fingerprint


def test_key_order_and_tuples_do_not_matter():
    one = EncoderRecord("video", "i3d", 4, {"size": (2, 3), "fps": 25})
    two = EncoderRecord("video", "i3d", 4, {"fps": 25, "size": [2, 3]})
    assert one == two and one.fingerprint == two.fingerprint


def test_the_record_keeps_its_own_copy():
    given = {"size": [2, 3]}
    made = EncoderRecord("video", "i3d", 4, given)
    given["size"].append(4)
    assert made.preprocessing == {"size": [2, 3]}


def test_differences_name_what_differs(record):
    told = record().differences(record(flow="tvl1", sha="cd" * 32))
    assert told == [
        'flow "dis" / "tvl1"',
        'weights random:0 {"rgb": "abababababab"} / random:0 {"rgb": "cdcdcdcdcdcd"}',
    ]
    assert record().differences(record()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modality": "text"}, "modality"),
        ({"name": "../i3d"}, "encoder's name"),
        ({"name": "I3D"}, "encoder's name"),
        ({"name": ""}, "encoder's name"),
        ({"dim": 0}, "dim"),
        ({"dim": True}, "dim"),
        ({"preprocessing": {"flow": object()}}, "JSON"),
        ({"preprocessing": {"flow": float("nan")}}, "JSON"),
        ({"notes": ["a"]}, "JSON object"),
        ({"weights": {"files": {"rgb": "../../etc/passwd"}}}, "cache folder"),
        ({"weights": {"files": {"rgb": "/etc/passwd"}}}, "cache folder"),
        ({"weights": {"files": "rgb.pt"}}, "JSON object"),
    ],
)
def test_what_is_no_record(record, change, said):
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(record(), **change)
