"""YouCook2's JSON."""

import json

import pytest

from fmn.datasets.imported import write_manifest
from fmn.datasets.video_folder import VideoFolder
from fmn.datasets.youcook2 import SUFFIX, import_youcook2
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest


def video(subset="training", segments=(([10, 20.5], "pour the  milk, then\nstir"),), recipe="101"):
    listed = [{"id": n, "segment": list(times), "sentence": text} for n, (times, text) in enumerate(segments)]
    return {"subset": subset, "duration": 200.0, "recipe_type": recipe, "annotations": listed}


@pytest.fixture
def load(tmp_path, touched):
    folder = touched(tmp_path / "videos", "training/101/-ab_1.mp4", "validation/102/xyz.webm", "spare.mkv")

    def run(database, **options):
        path = tmp_path / "youcookii_annotations_trainval.json"
        path.write_text(database if isinstance(database, str) else json.dumps({"database": database}))
        return import_youcook2(path, VideoFolder(folder, SUFFIX), **options)

    return run


def test_its_rows_are_what_fmn_extract_reads(load, tmp_path):
    found = load(
        {
            "xyz": video("validation", [([0, 5], "add salt"), ([7, 9], "serve")], "102"),
            "-ab_1": video(),
            "gone": video(segments=[([0, 1], "a"), ([1, 2], "b")]),
        }
    )
    assert (found.annotated, found.videos, found.missing) == (5, 2, ["gone"])
    write_manifest(tmp_path / "manifest.csv", found.items)
    items = [item for item in read_manifest(tmp_path / "manifest.csv").items if item.modality == "video"]
    assert [(item.id, item.pair, item.split, item.group, item.label, item.start, item.end) for item in items] == [
        ("-ab_1-001", "-ab_1-001", "train", "-ab_1", "101", 10.0, 20.5),
        ("xyz-001", "xyz-001", "test", "xyz", "102", 0.0, 5.0),
        ("xyz-002", "xyz-002", "test", "xyz", "102", 7.0, 9.0),
    ]
    assert items[0].text == "pour the milk, then stir"
    assert items[1].path == str(tmp_path / "videos/validation/102/xyz.webm")


def test_validation_can_stay_validation_and_missing_videos_can_be_kept(load):
    database = {"xyz": video("validation"), "gone": video()}
    assert [row.split for row in load(database, validation_as="val").items] == ["val"]
    assert [row.split for row in load(database, allow_missing=True).items] == ["train", "test"]


def broken(**change):
    entry = video()
    entry["annotations"][0] |= change
    return {"xyz": entry}


@pytest.mark.parametrize(
    "database, said",
    [
        ("{", "is not JSON"),
        ("[]", "has no database"),
        ('{"database": []}', "has no database"),
        ({}, "holds no segment"),
        ({"xyz": []}, "video 'xyz' needs a subset"),
        ({"xyz": video("dev")}, "video 'xyz' needs a subset, one of training, validation, testing"),
        ({"xyz": {"subset": "training"}}, "needs a name and a list of annotations"),
        ({"a/b": video()}, "needs a name"),
        (broken(segment=[1]), "segment 1 needs a segment of two times in seconds"),
        (broken(segment=["1", "2"]), "segment 1 needs a segment of two times"),
        (broken(segment=[float("nan"), 2]), "segment 1 needs a segment of two times"),
        (broken(segment=[-1, 2]), "segment 1 needs a segment of two times"),
        (broken(segment=[3, 2]), "segment 1 ends before it starts: 3 to 2"),
        (broken(sentence=None), "segment 1 needs a sentence"),
        ({"gone": video()}, "None of the 1 videos"),
    ],
)
def test_wrong_files_are_refused(load, database, said):
    with pytest.raises(InputError, match=said):
        load(database)
