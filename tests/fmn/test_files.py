"""Files whole or not at all, and one writer at a time."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fmn.errors import InputError, NotWritten
from fmn.files import alone, replacing, write_durably
from fmn.retrieval.store import save_network
from fmn.retrieval.towers import TowersConfig, TwoTowers


def test_a_file_stands_once_the_block_ends_well(tmp_path):
    path = tmp_path / "a.flac"
    path.write_text("old")
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".flac"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.flac"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_durable_file_is_whole_or_the_one_before(tmp_path, monkeypatch):
    write_durably(tmp_path, "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritten, match=f"The disk is full: {tmp_path}.a. Free some space"):
        write_durably(tmp_path, "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "The disk is full: {path}. Free some space and run the same"),
        (OSError(errno.EFBIG, "File too large"), "A file may not become so large here: {path}. Raise the limit"),
        (OSError(errno.EROFS, "Read-only file system", "{path}"), "The file system is read-only: {path}. Choose"),
        (PermissionError(errno.EACCES, "Permission denied", "{path}"), "Permission denied: {path}. Choose another"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "The disk is full: {path}"),
        (RuntimeError("file write failed: errno = 28, error message = ..."), "The disk is full: {path}"),
        (OSError("4096 requested and 232 written"), "The disk is full: {path}"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_whoever_says_it(tmp_path, error, said):
    path = tmp_path / "a.png"
    if getattr(error, "filename", None):
        error = type(error)(error.errno, error.strerror, str(path))
    with pytest.raises(NotWritten) as raised, replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert str(raised.value).startswith(said.format(path=path)) and os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [PermissionError(errno.EACCES, "Permission denied", "/another"), ConnectionResetError(errno.ECONNRESET, "")],
)
def test_what_is_not_of_the_file_goes_through(tmp_path, error):
    with pytest.raises(type(error)), replacing(tmp_path / "a"):
        raise error


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    for name in (Path("none") / "a", Path("file") / "a"):
        (tmp_path / "file").write_text("")
        with pytest.raises(NotWritten, match=str(tmp_path / name)):
            write_durably((tmp_path / name).parent, "a", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotWritten, match="Is a directory"):
        write_durably(tmp_path, "folder", b"")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("umask", [0o022, 0o007])
def test_files_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_durably(tmp_path, "a", b"one")
        with replacing(tmp_path / "b") as temporary:
            temporary.write_bytes(b"two")
        save_network(tmp_path / "c", TwoTowers(TowersConfig(kind="linear", video_dim=2, audio_dim=2, common=2)))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o666 & ~umask}
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a", "b", "c", "c"]


HOLD = """
import sys
from pathlib import Path
from fmn.files import alone
with alone(Path(sys.argv[1]), ".lock", "taken"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("killed", [False, True])
def test_one_process_at_a_time(tmp_path, killed):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="Somebody is at it"), alone(tmp_path, ".lock", "Somebody is at it."):
            pass
        if killed:
            process.send_signal(signal.SIGKILL)
        process.stdin.close()
        process.wait(timeout=60)
    with alone(tmp_path, ".lock", "Somebody is at it."), pytest.raises(InputError), alone(tmp_path, ".lock", "taken"):
        pass  # nor twice in one process
    with alone(tmp_path, ".lock", "It was freed."):
        pass


def test_a_lock_never_empties_somebody_elses_file(tmp_path):
    (tmp_path / ".lock").write_text("mine")
    (tmp_path / ".link").symlink_to(tmp_path / ".lock")
    for name in (".lock", ".link"):
        with pytest.raises(InputError, match="not fmn"), alone(tmp_path, name, "taken"):
            pass
    assert (tmp_path / ".lock").read_text() == "mine"
