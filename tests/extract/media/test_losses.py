"""Holes inside a file are losses; joins are none."""

import random

import pytest
from media_files import pictures, sound, wobble

from fmn.errors import BadItem
from fmn.extract.media.frames import frames
from fmn.extract.media.losses import loss
from fmn.extract.media.waveform import waveform

RATE = 48000


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.opus", "libopus")])
@pytest.mark.parametrize("filled", ["noise", "zeros", "nothing"])
def test_a_hole_in_a_recording_is_damage(tmp_path, name, codec, filled):
    path = sound(tmp_path / name, codec, rate=RATE)
    whole = path.read_bytes()
    draw = random.Random(2)
    for _ in range(4):
        at, length = draw.randrange(len(whole) // 5, len(whole) * 3 // 5), len(whole) // 8
        put = {"noise": draw.randbytes(length), "zeros": bytes(length), "nothing": b""}[filled]
        path.write_bytes(whole[:at] + put + whole[at + length :])
        with pytest.raises(BadItem, match=r"is (damaged|cut off)"):
            waveform(path)


@pytest.mark.parametrize("lost", [1, 2, 3, 5])
def test_packets_missing_from_a_transport_stream(tmp_path, lost):
    path = sound(tmp_path / "a.ts", "aac", rate=RATE)
    whole = path.read_bytes()
    assert not loss(path, {"mpegts"}, 0x100)
    assert len(waveform(path)) > 63000
    number = [(whole[at + 1] & 0x1F) << 8 | whole[at + 2] for at in range(0, len(whole), 188)]
    # Beside a table of programmes it would look like a join.
    inside = next(k for k in range(60, len(number)) if set(number[k - 1 : k + lost + 3]) == {0x100})
    path.write_bytes(whole[: inside * 188] + whole[(inside + lost) * 188 :])
    with pytest.raises(BadItem, match="is damaged"):
        waveform(path)


def test_transport_streams_that_are_joined_are_whole(tmp_path):
    one = sound(tmp_path / "one.ts", "libmp3lame", wobble(2, RATE), RATE).read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(one + one)
    assert not loss(path, {"mpegts"}, 0x100)


def test_pages_missing_from_an_ogg_and_chains_of_two(tmp_path):
    whole = sound(tmp_path / "a.opus", "libopus", rate=RATE).read_bytes()
    pages = [at for at in range(len(whole)) if whole[at : at + 5] == b"OggS\0"]
    path = tmp_path / "lost.opus"
    path.write_bytes(whole[: pages[3]] + whole[pages[4] :])
    assert loss(path, {"ogg"}, 0)
    with pytest.raises(BadItem, match="packets are missing"):
        waveform(path)
    other = sound(tmp_path / "b.opus", "libopus", rate=RATE).read_bytes()
    path.write_bytes(whole + other)
    assert not loss(path, {"ogg"}, 0)
    path.write_bytes(whole + b"TAG" + bytes(125))
    assert not loss(path, {"ogg"}, 0)
    assert len(waveform(path)) == 64000


def test_an_ogg_behind_a_tag_and_one_joined_to_itself_are_whole(tmp_path):
    whole = sound(tmp_path / "a.opus", "libopus", rate=RATE).read_bytes()
    length = len(waveform(tmp_path / "a.opus"))
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x10" + bytes(16)
    for name, data, times in (("tagged.opus", tag + whole, 1), ("twice.opus", whole + whole, 2)):
        (tmp_path / name).write_bytes(data)
        assert abs(len(waveform(tmp_path / name)) - times * length) < 400


def test_a_hole_in_a_gif_is_damage(tmp_path):
    path = pictures(tmp_path / "a.gif", "gif", "rgb8", count=50)
    whole = path.read_bytes()
    assert len(list(frames(path))) == 50
    path.write_bytes(whole[:40000] + whole[48000:])
    with pytest.raises(BadItem, match="is cut off"):
        list(frames(path))


def test_a_cover_between_joined_recordings_is_no_damage(tmp_path):
    one = sound(tmp_path / "one.mp3", "libmp3lame", rate=RATE)
    alone = len(waveform(one))
    picture = random.Random(1).randbytes(9000).replace(b"\xff", b"\0")
    size = len(picture)
    head = b"ID3\4\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    both = tmp_path / "both.mp3"
    both.write_bytes(one.read_bytes() + head + picture + one.read_bytes())
    assert 2 * alone <= len(waveform(both)) <= 2 * alone + 3200
