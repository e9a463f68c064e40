"""The page as a browser's parser reads it."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import av
import numpy as np
import pytest

from fmn.retrieval.results_page import Clip, PageHit, PageQuery, write_page

VOID = {"meta", "link", "br", "img", "input", "hr", "source"}


class Page(HTMLParser):
    """Elements with their attributes and own text, and proof that every element is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attrs):
        return [e for e in self.elements if e["tag"] == tag and all(e.get(k) == v for k, v in attrs.items())]


def make_video(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for shade in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * shade, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make_audio(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def queries(tmp_path):
    spoken = Clip(make_audio(tmp_path / "speech" / "one #1?.wav"), "audio", "cut apple", "She cuts <an> apple & eats")
    clips = [
        Clip(make_video(tmp_path / "videos" / folder / "same.mp4"), "video", label, start=start, end=end)
        for folder, label, start, end in (("a", "cut apple", 0.1, 0.3), ("b", "pour milk", None, None))
    ]
    return [
        PageQuery("speech->video", spoken, [PageHit(clip, n + 1, 0.9 - n, n == 0) for n, clip in enumerate(clips)]),
        PageQuery("video->speech", clips[0], [PageHit(spoken, 1, -0.25, True)]),
    ]


def target(page, link):
    return (page.parent / unquote(urlsplit(link).path)).resolve()


@pytest.mark.parametrize("copy_media", [False, True])
def test_every_query_and_answer_can_be_played(tmp_path, queries, copy_media):
    where = tmp_path / "out" / "deep" / "page.html"
    write_page(where, queries, "Test", [], copy_media=copy_media)
    page = Page(where.read_text(encoding="utf-8"))
    videos, audios = page.all("video"), page.all("audio")
    assert len(videos) == 3 and len(audios) == 2
    shown = [clip for query in queries for clip in (query.clip, *(hit.clip for hit in query.hits))]
    for clip in shown:
        found = [
            e
            for e in (videos if clip.modality == "video" else audios)
            if target(where, e["src"]).read_bytes() == Path(clip.path).read_bytes()
        ]
        assert found and all("controls" in element for element in found)
    for element in (*videos, *audios):
        assert not urlsplit(element["src"]).scheme and not element["src"].startswith("/")
        inside = where.parent in target(where, element["src"]).parents
        assert inside == copy_media
    assert videos[0]["src"].endswith("#t=0.1,0.3") and "#" not in videos[1]["src"]


def test_right_and_wrong_are_words_and_borders(tmp_path, queries):
    write_page(tmp_path / "page.html", queries, "Test", [])
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    answers = page.all("li")
    assert [("right" in e["text"], "wrong" in e["text"]) for e in answers] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert len(page.all("figure", **{"class": "right"})) == 2 and len(page.all("figure", **{"class": "wrong"})) == 1
    assert "#1" in answers[0]["text"] and "0.900" in answers[0]["text"] and "-0.250" in answers[2]["text"]
    assert "1 of the top 2 right" in page.all("article")[0]["text"]
    assert [e["text"] for e in page.all("h2")] == ["speech->video", "video->speech"]


def test_table_warnings_and_texts_are_shown_and_escaped(tmp_path, queries):
    rows = [["direction", "hit rate @1"], ["speech->video", "<b>50.00"]]
    evil = '"><script>alert(1)</script>'
    write_page(tmp_path / "page.html", queries, evil, rows, [f"video encoder: untrained {evil}"], note=evil)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not page.all("script") and not page.all("b") and not page.all("an")
    assert page.all("h1")[0]["text"] == evil == page.all("title")[0]["text"]
    assert [e["text"] for e in page.all("th")] == ["direction", "hit rate @1", "speech->video"]
    assert page.all("td")[0]["text"] == "<b>50.00"
    assert f"Warning: video encoder: untrained {evil}" in page.all("p", **{"class": "warning"})[0]["text"]
    assert "She cuts <an> apple & eats" in page.all("article")[0]["text"]


def test_the_page_needs_nothing_from_the_net(tmp_path, queries):
    write_page(tmp_path / "page.html", queries, "Test", [["a"], ["b"]], ["w"])
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "://" not in text and "@import" not in text and "url(" not in text
    assert not page.all("link") and not page.all("script")
    assert page.all("meta", name="viewport") and "prefers-color-scheme: dark" in text


def test_a_missing_file_is_said_not_hidden(tmp_path, queries):
    gone = PageQuery("speech->video", Clip(tmp_path / "gone.wav", "audio", "cut apple"), [])
    write_page(tmp_path / "page.html", [gone], "Test", [], copy_media=True)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert (
        page.all("p", **{"class": "missing"}) and not page.all("audio") and "gone.wav" in page.all("article")[0]["text"]
    )


def test_writing_again_replaces_the_page(tmp_path, queries):
    where = tmp_path / "page.html"
    write_page(where, queries, "First", [], copy_media=True)
    before = sorted(path.name for path in (tmp_path / "media").iterdir())
    write_page(where, queries, "Second", [], copy_media=True)
    assert "Second" in where.read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "media").iterdir()) == before
    assert len(before) == 3  # two clips of one name do not overwrite each other


@pytest.mark.parametrize("copy_media", [False, True])
def test_hostile_names_stay_text_and_their_files_can_be_played(tmp_path, copy_media):
    evil = "javascript:alert('1')\"><img src=x onerror=y>&amp;#frag?q=%41\x1b\u202e\n"
    names = [evil, "a#b?c%41'\".wav", "javascript:x.wav", os.fsdecode(b"\xe9.wav")]
    clips = [Clip(tmp_path / f"sp eech#{n}" / name, "audio", evil, evil) for n, name in enumerate(names)]
    for clip in clips:
        clip.path.parent.mkdir()
        clip.path.write_bytes(os.fsencode(clip.path))
    where = tmp_path / "out" / "page.html"
    hits = [PageHit(clip, 1, 0.5, True) for clip in clips]
    write_page(where, [PageQuery(evil, clips[0], hits)], evil, [[evil], [evil, evil]], [evil], copy_media=copy_media)
    page = Page(where.read_text(encoding="utf-8"))
    assert not page.all("img") and not page.all("script")
    assert not [name for e in page.elements for name in e if name.startswith("on")]
    sounds = page.all("audio")
    assert [target(where, e["src"]) for e in sounds[1:]] == [target(where, a["href"]) for a in page.all("a")[1:]]
    for element, clip in zip(sounds, (clips[0], *clips), strict=True):
        assert not urlsplit(element["src"]).scheme and not urlsplit(element["src"]).query
        path = os.fsdecode(unquote_to_bytes(urlsplit(element["src"]).path))
        assert (where.parent / path).read_bytes() == clip.path.read_bytes()
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", where.read_text(encoding="utf-8"))
