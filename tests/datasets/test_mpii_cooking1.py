"""The plain table of MPII Cooking 1."""

import pytest

from fmn.datasets.imported import write_manifest
from fmn.datasets.mpii_cooking1 import SUFFIX, import_mpii_cooking1
from fmn.datasets.video_folder import VideoFolder
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest


@pytest.fixture
def load(tmp_path, videos):
    def run(text, **options):
        path = tmp_path / "detectionGroundtruth-1-0.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_mpii_cooking1(path, VideoFolder(videos, SUFFIX), **options)

    return run


def test_its_rows_are_what_fmn_extract_reads(load, tmp_path, videos):
    found = load(
        "8,s08-d02-cam-002,1,294,3,cut apart\n8,s08-d02-cam-002,295,588,61,wash objects\n\n"
        "7,s07-d72-cam-002,10,10,61,wash objects\n9,s09-d01-cam-002,1,2,1,pour\n"
    )
    assert (found.annotated, found.videos, found.missing) == (4, 2, ["s09-d01-cam-002"])
    write_manifest(tmp_path / "manifest.csv", found.items)
    items = [item for item in read_manifest(tmp_path / "manifest.csv").items if item.modality == "video"]
    assert [(item.id, item.label, item.group, item.start, item.end) for item in items] == [
        ("s08-d02-cam-002-001", "cut apart", "s08", 0.0, 10.0),
        ("s08-d02-cam-002-002", "wash objects", "s08", 10.0, 20.0),
        ("s07-d72-cam-002-001", "wash objects", "s07", 0.307, 0.34),
    ]
    assert items[0].path == str(videos / "deep/er/s08-d02-cam-002.mp4")
    assert items[0].extra == {"category": "3", "start_frame": "1", "end_frame": "294"}


def test_missing_videos_can_be_kept(load):
    found = load("7,s07-d72-cam-002,1,2,1,pour\n9,s09-d01-cam-002,1,2,1,pour\n", allow_missing=True)
    assert len(found.items) == 2


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "holds no interval"),
        ("7,s07-d72-cam-002,1,2,1\n", "line 1: 5 values; it needs subject, file name"),
        ("\n7,s07-d72-cam-002,1,2,1,pour,more\n", "line 2: 7 values"),
        ("7,,1,2,1,pour\n", "line 1: needs a file name and an activity"),
        ("7,a/b,1,2,1,pour\n", "line 1: needs a file name"),
        ("7,s07-d72-cam-002,1,2,1,\n", "line 1: needs a file name and an activity"),
        ("7,s07-d72-cam-002,one,2,1,pour\n", "line 1: the start frame is a whole number, not 'one'"),
        ("7,s07-d72-cam-002,1,2.5,1,pour\n", "line 1: the end frame is a whole number"),
        ("7,s07-d72-cam-002,3,2,1,pour\n", "line 1: frames 3 to 2 are no interval"),
        ("7,s07-d72-cam-002,0,2,1,pour\n", "line 1: frames 0 to 2 are no interval"),
        ("x,s07-d72-cam-002,1,2,1,pour\n", "line 1: the subject is a number"),
        ("9,s09-d01-cam-002,1,2,1,pour\n", "None of the 1 videos"),
        (b"7,s07-d72-cam-002,1,2,1,p\xff\n", "not UTF-8"),
        ('7,"s07', "is not CSV"),
    ],
)
def test_wrong_tables_are_refused(load, text, said):
    with pytest.raises(InputError, match=said):
        load(text)
