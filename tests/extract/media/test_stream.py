"""One stream of a file: opened without calling anybody, sought, decoded with times from its first frame."""

import threading
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from fmn.errors import BadItem
from fmn.extract.media.stream import MediaStream, opened


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """10 s at 10 frames a second, a key frame a second, the first timestamp at 7 s; no sound."""
    path = tmp_path_factory.mktemp("film") / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"sc_threshold": "0"})
        stream.width = stream.height = 64
        stream.codec_context.gop_size = 10
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 7000 + 100 * index, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("backs", [(), (0,), (0, 2)])
def test_times_count_from_the_first_frame_wherever_reading_begins(film, backs):
    with MediaStream(film, VideoFrame, 6.5, 7.0) as stream:
        assert (stream.begin, stream.stop, stream.rate) == (Fraction(13, 2), 7, 10)
        assert "matroska" in stream.formats
        times = [time for time, _ in stream.frames(backs)]
    assert times[0] == (6 if backs else 0)
    assert times == [Fraction(tenth, 10) for tenth in range(int(10 * times[0]), 100)]


def test_a_start_or_end_beyond_the_stream_is_a_sentence(film):
    with MediaStream(film, VideoFrame, 2.0, 4.0) as stream:
        stream.check_end(Fraction(3))
        with pytest.raises(BadItem, match=r"clip\.mkv: the item ends at 4\.00 s, but the file ends at 2\.90 s\."):
            stream.check_end(Fraction(29, 10))
        with pytest.raises(BadItem, match=r"clip\.mkv: the item starts at 2\.00 s, but the file ends at 2\.00 s\."):
            stream.check_end(Fraction(2))


def test_a_file_without_such_a_stream_is_named(film):
    with pytest.raises(BadItem, match=r"clip\.mkv: has no audio stream\."):
        MediaStream(film, AudioFrame)


def test_times_that_are_no_interval_are_refused_before_the_file_is_opened(tmp_path):
    with pytest.raises(ValueError, match="0 <= start < end, not 2 and 1"):
        MediaStream(tmp_path / "missing.mp4", VideoFrame, 2, 1)


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
