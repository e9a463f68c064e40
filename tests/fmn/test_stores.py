"""Addresses of media in stores: which are known, what is said of their files, and what lies below one."""

import importlib.util

import fsspec
import pytest

from fmn.errors import InputError
from fmn.manifest import path_from, read_rows
from fmn.media import VIDEO_SUFFIXES, is_url
from fmn.stores import check_stores, stated, stated_in_folders, store_files, why


@pytest.fixture
def bucket():
    """fill(files) puts texts into the memory store; it is emptied in the end."""
    store = fsspec.filesystem("memory")

    def fill(files):
        for name, text in files.items():
            store.pipe_file(f"/bucket/{name}", text.encode())
        return store

    yield fill
    store.rm("/bucket", recursive=True)


def test_an_address_is_none_of_this_machines_paths(tmp_path):
    assert is_url("s3://bucket/a.mp4") and is_url("HTTP://host/a") and is_url("memory://a")
    assert not any(map(is_url, ("a.mp4", "/s3://a", "s3:/a", "C:/a", "://a", "a b://c")))
    manifest = tmp_path / "set.csv"
    manifest.write_text("modality,path\nvideo,s3://bucket/a b.mp4\nvideo,here.mp4\n")
    assert [row.item.path for row in read_rows(manifest)[1]] == ["s3://bucket/a b.mp4", str(tmp_path / "here.mp4")]
    assert path_from(tmp_path, "s3://bucket/a.mp4") == "s3://bucket/a.mp4"


def test_a_store_says_how_large_a_file_is_and_which(bucket, tmp_path):
    bucket({"a.mp4": "first"})
    first = stated("memory://bucket/a.mp4")
    assert first.size == 5 and first == stated_in_folders("memory://bucket/a.mp4")
    bucket({"a.mp4": "other"})
    assert stated("memory://bucket/a.mp4").version != first.version
    (tmp_path / "a.wav").write_bytes(b"1234")
    assert stated(f"file://{tmp_path}/a.wav").size == 4
    for missing in ("memory://bucket/none", "memory://nowhere/a.mp4"):
        with pytest.raises(FileNotFoundError):
            stated(missing)
    with pytest.raises(IsADirectoryError):
        stated("memory://bucket")


def test_what_lies_below_an_address_is_found_as_below_a_folder(bucket):
    names = ("videos/open/1.mp4", "videos/open/2.MKV", "videos/close/3.mp4", "videos/.hidden/4.mp4", "videos/a.txt")
    bucket({**dict.fromkeys(names, "x"), "videos/open/5.h264": "x"})
    for root in ("memory://bucket/videos", "memory://bucket/videos/"):
        below = store_files(root, VIDEO_SUFFIXES)
        assert below.files == ["close/3.mp4", "open/1.mp4", "open/2.MKV"]
        assert below.others == 2 and below.unusual == ["open/5.h264"]
    with pytest.raises(InputError, match="There is no file below memory://bucket/none"):
        store_files("memory://bucket/none", VIDEO_SUFFIXES)
    with pytest.raises(InputError, match=r"name those of http://host/videos in a manifest"):
        store_files("http://host/videos", VIDEO_SUFFIXES)


def test_what_is_no_store_is_refused_before_anything_is_read():
    check_stores(["/a.mp4", "memory://a", "file:///a"])
    for scheme in ("ftp", "zip", "simplecache", "github", "reference"):
        with pytest.raises(InputError, match=f"begins with s3.*got {scheme}://"):
            check_stores(["/a.mp4", f"{scheme}://a"])
    with pytest.raises(InputError, match="got file::memory://"):
        stated("file::memory://a")  # fsspec would open one through the other
    with pytest.raises(InputError, match="chains several"):
        stated("memory://a::file:///etc/passwd")


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_library_that_is_missing_is_named_with_how_to_install_it():
    with pytest.raises(InputError, match=r"s3:// need a library that is not installed.*pip install.*\[s3\]"):
        check_stores(["s3://bucket/a.mp4"])


def test_a_stores_error_is_a_phrase():
    assert why(FileNotFoundError("a")) == "it is not there" and "Forbidden" in why(PermissionError("Forbidden"))
    assert why(TimeoutError()) == "the store did not answer in time" and why(OSError("no route")) == "OSError: no route"
