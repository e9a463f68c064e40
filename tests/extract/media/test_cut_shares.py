"""Of every format, what is left of a file that is cut at 10 to 99 % is never passed as whole: named, or complete."""

import functools

import pytest
from media_files import film, pictures, sound

from fmn.errors import BadItem
from fmn.extract.media.chains import chain_end
from fmn.extract.media.frames import frames
from fmn.extract.media.waveform import waveform

KEPT = (10, 25, 50, 75, 90, 99)
FAST = {"movflags": "faststart"}
BOTH = {
    "a.mp4": functools.partial(film, video="libx264", audio="aac", **FAST),
    "table-behind.mp4": functools.partial(film, video="libx264", audio="aac"),
    "fragments.mp4": functools.partial(film, video="libx264", audio="aac", movflags="frag_keyframe+empty_moov"),
    "a.mov": functools.partial(film, video="libx264", audio="pcm_s16le", **FAST),
    "a.mkv": functools.partial(film, video="libx264", audio="flac"),
    "a.webm": functools.partial(film, video="libvpx", audio="libopus"),
    "a.avi": functools.partial(film, video="mpeg4", audio="libmp3lame"),
    "a.flv": functools.partial(film, video="libx264", audio="aac"),
    "a.wmv": functools.partial(film, video="wmv2", audio="wmav2"),
    "a.ts": functools.partial(film, video="libx264", audio="aac"),
    "a.mpg": functools.partial(film, video="mpeg2video", audio="mp2"),
    "a.vob": functools.partial(film, video="mpeg2video", audio="ac3"),
}
SILENT = {
    "a.gif": functools.partial(pictures, codec="gif", pixels="rgb8", count=50),
    "a.y4m": functools.partial(pictures, codec="rawvideo", count=50),
    "a.mxf": functools.partial(pictures, codec="mpeg2video", count=50),
    "a.ivf": functools.partial(pictures, codec="libvpx", count=50),
}
SOUNDS = {
    "a.mp3": functools.partial(sound, codec="libmp3lame"),
    "no-table.mp3": functools.partial(sound, codec="libmp3lame", options={"write_xing": "0"}),
    "a.mp2": functools.partial(sound, codec="mp2", rate=48000),
    "a.flac": functools.partial(sound, codec="flac"),
    "a.wav": functools.partial(sound, codec="pcm_s16le"),
    "a.opus": functools.partial(sound, codec="libopus", rate=48000),
    "a.oga": functools.partial(sound, codec="flac"),
    "a.m4a": functools.partial(sound, codec="aac", options=FAST),
    "a.aac": functools.partial(sound, codec="aac"),
    "a.ac3": functools.partial(sound, codec="ac3", rate=48000),
    "a.wma": functools.partial(sound, codec="wmav2"),
    "a.amr": functools.partial(sound, codec="libopencore_amrnb", rate=8000),
    "a.mka": functools.partial(sound, codec="libopus", rate=48000),
    "a.aiff": functools.partial(sound, codec="pcm_s16be"),
    "a.wv": functools.partial(sound, codec="wavpack"),
}
# Streams without an index or a length: a cut between two of their parts leaves a whole, shorter file. Bytes a part.
PARTS = {"a.ts": 188, "a.mpg": 2048, "a.mp2": 288}


def seen(path):
    return sum(1 for _ in frames(path))


def heard(path):
    return len(waveform(path))


def check(path, make, readers):
    """Every cut is told by each reader, or took nothing from it."""
    whole = make(path).read_bytes()
    complete = [read(path) for read in readers]
    part = PARTS.get(path.name, 0)
    told = 0
    for share in KEPT:
        at = len(whole) * share // 100
        at += part > 0 and at % part == 0
        path.write_bytes(whole[:at])
        for read, count in zip(readers, complete, strict=True):
            try:
                assert count - read(path) <= (2 if read is heard else 0), (share, at)
            except BadItem as error:
                told += 1
                assert str(path) in str(error)
    assert told >= len(readers) * (len(KEPT) - 1)


@pytest.mark.parametrize("name", BOTH)
def test_pictures_with_sound(tmp_path, name):
    check(tmp_path / name, BOTH[name], [seen, heard])


@pytest.mark.parametrize("name", SILENT)
def test_pictures(tmp_path, name):
    check(tmp_path / name, SILENT[name], [seen])


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds(tmp_path, name):
    check(tmp_path / name, SOUNDS[name], [heard])


@pytest.mark.parametrize("name", ["a.ts", "a.mpg"])
def test_a_cut_between_two_parts_of_a_stream_cannot_be_told(tmp_path, name):
    """What is known not to be known: if this fails, docs/decisions.md says too little of what is recognised."""
    path = BOTH[name](tmp_path / name)
    whole, part = path.read_bytes(), PARTS[name]
    silent = []
    for at in range(len(whole) // part // 4 * part, len(whole) // 2, 3 * part):
        path.write_bytes(whole[:at])
        try:
            silent.append(heard(path))
        except BadItem:
            continue
    assert silent


@pytest.mark.parametrize(("name", "kind"), [("a.amr", "amr"), ("no-table.mp3", "mp3"), ("a.mp2", "mp3")])
def test_a_cut_between_two_frames_of_raw_sound_cannot_be_told(tmp_path, name, kind):
    path = SOUNDS[name](tmp_path / name)
    whole, length = path.read_bytes(), heard(path)
    path.write_bytes(whole[: len(whole) // 2])
    with path.open("rb") as file:
        end = chain_end(file, len(whole) // 2, {kind})
    assert len(whole) // 2 <= end < len(whole) // 2 + 700
    path.write_bytes(whole[:end])
    assert length // 3 < heard(path) < 2 * length // 3


def test_tags_between_and_behind_frames_are_links_of_the_chain_and_other_bytes_end_it(tmp_path):
    path = sound(tmp_path / "a.mp3", "libmp3lame", options={"write_xing": "0"})
    one = path.read_bytes()
    title = b"TAG" + b"A title".ljust(125, b"\0")
    for data, end in ((one + title + one, 2 * len(one) + 128), (one + title, len(one) + 128), (one + bytes(9), 0)):
        path.write_bytes(data)
        with path.open("rb") as file:
            assert chain_end(file, len(data), {"mp3"}) == end
        assert heard(path) >= 64000


def test_a_windows_media_file_that_was_sent_live_promises_nothing(tmp_path):
    path = sound(tmp_path / "a.wma", "wmav2")
    data = bytearray(path.read_bytes())
    at = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    for flag, end in ((0, len(data)), (1, 0)):
        data[at + 88] = flag | data[at + 88] & 0xFE
        path.write_bytes(data)
        with path.open("rb") as file:
            assert chain_end(file, len(data), {"asf"}) == end
