"""What was done to pictures and sound is said with the item, once, and of nothing but that item."""

from fractions import Fraction

import numpy as np
import pytest
from media_files import sound, wobble

from fmn.errors import BadItem
from fmn.extract.encoders.registry import open_encoder
from fmn.extract.media.notes import note, noted
from fmn.extract.media.waveform import waveform
from fmn.item import Item

RATE = 16000
VOICE = wobble(1, RATE)


def heard(path, *part):
    """(samples, notes)."""
    return noted(lambda item: waveform(item.path, *part), Item("sound", "audio", str(path)))


@pytest.mark.parametrize(
    ("channels", "layout", "notes"),
    [
        ([VOICE], "mono", ()),
        ([VOICE, 0.5 * VOICE], "stereo", ("mean of 2 channels",)),
        ([VOICE] * 8, "8 channels", ("mean of 8 channels",)),
        ([0.4 * VOICE, -0.4 * VOICE], "stereo", ("channel 1 of 2: the channels cancel each other",)),
        ([-0.38 * VOICE, 0.4 * VOICE], "stereo", ("channel 2 of 2: the channels cancel each other",)),
        ([0.3 * VOICE + 0.25], "mono", ("constant offset of +0.25",)),
        ([0.3 * VOICE - 0.1, 0.3 * VOICE - 0.3], "stereo", ("mean of 2 channels", "constant offset of -0.20")),
    ],
)
def test_what_was_done_to_the_channels(tmp_path, channels, layout, notes):
    assert heard(sound(tmp_path / "a.wav", samples=channels, rate=RATE, layout=layout))[1] == notes


def test_gaps_are_said_once(tmp_path):
    import av

    with av.open(str(tmp_path / "gaps.mka"), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        packets = []
        for at in range(0, RATE, 4096):
            frame = av.AudioFrame.from_ndarray(VOICE[None, at : at + 4096].astype(np.float32), "flt", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 3 * at, Fraction(1, RATE)
            packets += stream.encode(frame)
        container.mux([*packets, *stream.encode(None)])
    samples, notes = heard(tmp_path / "gaps.mka")
    assert notes == ("gaps filled with silence",)
    assert len(samples) > 2 * RATE


def test_notes_are_of_one_item_and_nobody_listens_outside():
    note("said to nobody")
    items = [Item(str(k), "audio", "/none") for k in range(2)]

    def read(item):
        note(f"read {item.id}")
        note(f"read {item.id}")
        if item.id == "1":
            raise BadItem("cannot be read")
        return 7

    assert noted(read, items[0]) == (7, ("read 0",))
    with pytest.raises(BadItem):
        noted(read, items[1])
    assert noted(lambda item: noted(read, item), items[0]) == ((7, ("read 0",)), ())


def test_the_row_of_an_item_bears_its_notes(tmp_path):
    from fmn.cache import EncoderRecord
    from fmn.extract.encoders.vmnet import PREPROCESSING

    paths = [
        sound(tmp_path / "one.wav", samples=VOICE, rate=RATE),
        sound(tmp_path / "two.wav", samples=[VOICE, VOICE], rate=RATE, layout="stereo"),
    ]
    record = EncoderRecord("audio", "vmnet", 1035, PREPROCESSING, {"source": "none: descriptors", "sha256": {}})
    encoder = open_encoder(record, tmp_path, "cpu")
    rows = encoder.encode([Item(path.name, "audio", str(path)) for path in paths])
    assert [row.notes for row in rows] == [(), ("mean of 2 channels",)]
