"""The published annotation file, written here with its schema, becomes rows that fmn-extract reads."""

import h5py
import numpy as np
import pytest

from fmn.datasets.imported import write_manifest
from fmn.datasets.mpii_cooking2 import SUFFIX, import_intervals, read_intervals
from fmn.datasets.video_folder import VideoFolder
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest


def rows(path, videos, **options):
    intervals, _ = read_intervals(path)
    return import_intervals(intervals, path, VideoFolder(videos, SUFFIX), **options)


@pytest.mark.parametrize("columns", [(), ("fileName", "startFrame", "tool", "subject", "endFrame")])
def test_texts_cells_and_numbers_are_read_in_either_layout(tmp_path, annotation, interval, columns):
    path = annotation(
        [
            interval("s07-d72-cam-002", 194, 243, "enterV"),
            interval("s07-d72-cam-002", 270, 414, "take outV", tool=["hand"], containersSource=["fridge"]),
            interval("s08-d02-cam-002", 1, 1, "cut apartV", tool=["chefs-knife"], ingredients=["crème", "peel"]),
        ],
        columns=columns,
    )
    found, notices = read_intervals(path)
    assert notices == []
    assert [(each.video, each.number, each.first, each.last, each.verb) for each in found] == [
        ("s07-d72-cam-002", 1, 194, 243, "enter"),
        ("s07-d72-cam-002", 2, 270, 414, "take out"),
        ("s08-d02-cam-002", 1, 1, 1, "cut apart"),
    ]
    assert [(each.subject, each.dish, each.rate, each.sequence) for each in found] == [
        (7, 72, 29.4, "s07-d72"),
        (7, 72, 29.4, "s07-d72"),
        (8, 2, 29.4, "s08-d02"),
    ]
    assert found[0].objects["tool"] == ()
    assert found[1].objects["containersSource"] == ("fridge",)
    assert found[2].objects == {
        "tool": ("chefs knife",),
        "ingredients": ("crème", "peel"),
        "containers": (),
        "containersSource": (),
        "containersDestination": (),
    }


def test_the_manifest_is_what_fmn_extract_reads(tmp_path, annotation, interval, videos):
    path = annotation(
        [
            interval("s07-d72-cam-002", 194, 243, "pourV", tool=["hand", "cooking-spoon"], ingredients=["milk"]),
            interval("s08-d02-cam-002", 1, 30, "washV"),
            interval("s09-d03-cam-002", 1, 30, "washV"),
        ]
    )
    found = rows(path, videos)
    assert (found.annotated, found.videos, found.missing) == (3, 2, ["s09-d03-cam-002"])
    write_manifest(tmp_path / "manifest.csv", found.items)
    items = [item for item in read_manifest(tmp_path / "manifest.csv").items if item.modality == "video"]
    first, second = items
    assert (first.id, first.label, first.group, first.split) == ("s07-d72-cam-002-001", "pour", "s07", "")
    assert first.path == str(videos / "s07-d72-cam-002.avi")
    # Frame 194, the first one, is shown from 193 / 29.4 s on, and frame 243, the last one, until 243 / 29.4 s.
    assert (first.start, first.end) == (6.565, 8.265)
    assert first.extra["tool"] == "hand; cooking spoon"
    assert (first.extra["start_frame"], first.extra["end_frame"], first.extra["dish"]) == ("194", "243", "72")
    assert second.path == str(videos / "deep/er/s08-d02-cam-002.mp4")
    assert second.start == 0.0


def test_a_missing_video_can_be_kept_and_none_at_all_is_an_error(annotation, interval, videos, touched):
    touched(videos, "s37-d74-cam-002.avi")
    path = annotation([interval("s07-d72-cam-002"), interval("s09-d03-cam-002")])
    kept = rows(path, videos, allow_missing=True)
    assert [row.path for row in kept.items] == [
        str(videos / "s07-d72-cam-002.avi"),
        str(videos / "s09-d03-cam-002.avi"),
    ]
    assert kept.missing == ["s09-d03-cam-002"]
    with pytest.raises(InputError, match=r"None of the 1 videos .* names s30-d01-cam-002"):
        rows(annotation([interval("s30-d01-cam-002")]), videos)


def test_seconds_that_contradict_the_frames_are_told(annotation, interval):
    path = annotation([interval(), interval(startTimeSeconds=100.0), interval(endTimeSeconds=np.nan)])
    _, notices = read_intervals(path)
    assert len(notices) == 1
    assert "2 intervals" in notices[0]
    assert "s07-d72-cam-002-002, s07-d72-cam-002-003" in notices[0]


@pytest.mark.parametrize(
    "name", ["fileName", "startFrame", "endFrame", "subject", "dish", "activity", "frameRate", "tool", "containers"]
)
def test_a_missing_key_is_named(annotation, interval, name):
    with pytest.raises(InputError, match=f"has no {name}"):
        read_intervals(annotation([interval()], leave_out=(name,)))


def test_missing_seconds_are_told_only(annotation, interval):
    found, notices = read_intervals(annotation([interval()], leave_out=("startTimeSeconds",)))
    assert len(found) == 1
    assert "missing or incomplete" in notices[0]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"start": 0}, "startFrame of interval 2 should be a whole number from 1 on, not 0.0"),
        ({"start": 2.5}, "startFrame of interval 2 .* not 2.5"),
        ({"end": np.nan}, "endFrame of interval 2 .* not nan"),
        ({"end": np.inf}, "endFrame of interval 2 .* not inf"),
        ({"start": 31}, r"interval 2 \(s07-d72-cam-002\) ends before it starts: frames 31 to 30"),
        ({"subject": -1}, "subject of interval 2 should be a whole number from 0 on"),
        ({"activity": ""}, "interval 2 has no file name or activity"),
        ({"activity": "V"}, "interval 2 has no file name or activity"),
        ({"file_name": "s0/-d07"}, "interval 2 has no file name or activity"),
    ],
)
def test_a_wrong_value_is_named(annotation, interval, wrong, said):
    with pytest.raises(InputError, match=said):
        read_intervals(annotation([interval(), interval(**wrong)]))


def change(path, name, data):
    with h5py.File(path, "r+") as file:
        del file["annos"][name]
        if data is not None:
            file["annos"][name] = data
    return path


def test_wrong_shapes_and_types_are_named(annotation, interval):
    def path():
        return annotation([interval(), interval()])

    for name, data, said in [
        ("startFrame", np.ones((1, 3)), "startFrame has 3 values for 2 intervals"),
        ("startFrame", np.ones((2, 2)), "one row or column, not of shape"),
        ("startFrame", np.array([b"a", b"b"]), "should hold numbers"),
        ("activity", np.ones((1, 2)), "should hold references to texts"),
        ("frameRate", np.ones((1, 2)), "frameRate should be one number"),
        ("frameRate", np.zeros((1, 1)), "frameRate should be one number"),
        ("frameRate", np.array([np.nan]), "frameRate should be one number"),
        ("subject", None, "has no subject"),
    ]:
        with pytest.raises(InputError, match=said):
            read_intervals(change(path(), name, data))


def test_references_that_lead_nowhere_are_named(annotation, interval):
    path = annotation([interval(), interval()])
    with h5py.File(path, "r+") as file:
        file["annos/tool"][0, 1] = h5py.Reference()
    with pytest.raises(InputError, match=r"tool of interval 2 cannot be read .its reference leads nowhere"):
        read_intervals(path)
    path = annotation([interval(), interval()])
    with h5py.File(path, "r+") as file:
        file["annos/activity"][0, 0] = file["#refs#"].ref
    with pytest.raises(InputError, match=r"activity of interval 1 cannot be read .its reference leads to no array"):
        read_intervals(path)
    path = annotation([interval(), interval()])
    with h5py.File(path, "r+") as file:
        numbers = file["#refs#"].create_dataset("numbers", data=np.ones((2, 1)))
        file["annos/ingredients"][0, 1] = numbers.ref
    with pytest.raises(InputError, match=r"ingredients of interval 2 cannot be read .it is no text"):
        read_intervals(path)
    path = annotation([interval(), interval()])
    with h5py.File(path, "r+") as file:  # a cell that holds itself
        circle = file["#refs#"].create_dataset("circle", shape=(1, 1), dtype=h5py.ref_dtype)
        circle[0, 0] = circle.ref
        file["annos/tool"][0, 0] = circle.ref
    with pytest.raises(InputError, match="tool of interval 1 cannot be read"):
        read_intervals(path)


def test_files_that_are_no_annotation_are_refused(tmp_path, annotation, interval):
    with pytest.raises(InputError, match="does not exist"):
        read_intervals(tmp_path / "none.mat")
    (tmp_path / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(500))
    with pytest.raises(InputError, match=r"no MATLAB v7\.3 file"):
        read_intervals(tmp_path / "old.mat")
    with h5py.File(tmp_path / "other.mat", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="no group annos"):
        read_intervals(tmp_path / "other.mat")
    whole = annotation([interval()] * 20)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(InputError):
        read_intervals(whole)
    with pytest.raises(InputError, match="holds no interval"):
        read_intervals(annotation([]))
