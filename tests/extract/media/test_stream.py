import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fmn.errors import BadItem
from fmn.extract.media.stream import opened


def test_a_playlist_does_not_make_this_machine_call_another(tmp_path):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/part.ts"
    playlist = tmp_path / "clip.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n")
    other = tmp_path / "clip.mp4"
    other.write_text(f"ffconcat version 1.0\nfile {address}\n")
    try:
        for path in (playlist, other):
            with pytest.raises(BadItem, match=r"cannot be read|not a media file that can be read"), opened(path):
                pass
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:clip.mp4").write_bytes(b"no media in here")
    with (
        pytest.raises(BadItem, match=r"http:clip\.mp4: is not a media file that can be read \(16 bytes"),
        opened("http:clip.mp4"),
    ):
        pass


def test_a_link_to_itself_is_a_sentence(tmp_path):
    path = tmp_path / "clip.mp4"
    path.symlink_to(path)
    with pytest.raises(BadItem, match=r"clip\.mp4: cannot be read"), opened(path):
        pass
