"""What the tests of the further encoders share: TensorFlow checkpoints, tiny media, and settling without workers."""

import importlib
import os
import struct
import sys
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch

from fmn.errors import BadItem
from fmn.extract.encoders.registry import encoder_entry
from fmn.extract.encoders.settings import ExtractSettings
from fmn.extract.fitting.train_part import TrainPart
from fmn.item import Item
from fmn.progress import Silence


def crc(data):
    """CRC-32C, bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def masked(value):
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def block(entries):
    """A block of a table: keys share their beginnings, every 16th begins anew."""
    data, restarts, before = b"", [], b""
    for count, (key, value) in enumerate(entries):
        shared = 0
        if count % 16 == 0:
            restarts.append(len(data))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    data += b"".join(struct.pack("<I", at) for at in restarts or [0]) + struct.pack("<I", len(restarts or [0]))
    return data + b"\0" + struct.pack("<I", masked(crc(data + b"\0")))


def write_checkpoint(prefix, values, check=crc, dtypes=None, shards=1):
    """The files that TensorFlow's Saver writes, for arrays by name. `check`: the checksum of a variable's bytes."""
    numbers = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10}
    data, entries = b"", [(b"", varint(8) + varint(shards) + varint(26) + varint(2) + varint(8) + varint(1))]
    for name, value in sorted(values.items()):
        raw = value.tobytes()
        dims = b"".join(varint(18) + varint(len(dim)) + dim for dim in (varint(8) + varint(n) for n in value.shape))
        entry = varint(8) + varint((dtypes or {}).get(name, numbers[value.dtype.name]))
        entry += varint(18) + varint(len(dims)) + dims
        entry += varint(32) + varint(len(data)) + varint(40) + varint(len(raw))
        entry += bytes([53]) + struct.pack("<I", masked(check(raw)))
        entries.append((name.encode(), entry))
        data += raw
    first, second = block(entries[:20]), block(entries[20:])
    table, handles = b"", []
    for made in (first, second) if entries[20:] else (first,):
        handles.append(varint(len(table)) + varint(len(made) - 5))
        table += made
    meta_at, meta = len(table), block([])
    table += meta
    index_at, index = len(table), block([(bytes([255, n]), handle) for n, handle in enumerate(handles)])
    table += index
    footer = varint(meta_at) + varint(len(meta) - 5) + varint(index_at) + varint(len(index) - 5)
    table += footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    name = "" if prefix.is_dir() else prefix.name
    folder = prefix if prefix.is_dir() else prefix.parent
    (folder / f"{name}.index").write_bytes(table)
    (folder / f"{name}.data-00000-of-{shards:05d}").write_bytes(data)
    return prefix


def write_clip(path, count=12, seed=0, rate=25):
    random = np.random.default_rng(seed)
    base = random.integers(0, 200, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(count):
            picture = np.roll(base, 2 * k, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_sound(path, seconds=0.5, hertz=440.0, seed=0):
    t = np.arange(int(16000 * seconds)) / 16000
    wave = 0.4 * np.sin(2 * np.pi * hertz * t) + 0.02 * np.random.default_rng(seed).normal(size=len(t))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = (np.clip(wave, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 16000
        container.mux([*stream.encode(frame), *stream.encode()])
    return path


def in_process(task, items, chunk):
    """What the workers do, here."""
    for start in range(0, len(items), chunk):
        part = items[start : start + chunk]
        yield list(zip(part, task(part), strict=True))


class Sayings(Silence):
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def settled(modality, name, cache, items=(), **settings):
    """(entry, record, what was said) of an encoder settled in this process."""
    entry, watcher = encoder_entry(modality, name), Sayings()
    chosen = ExtractSettings(**{"short_side": 40, "crop": 32, **settings})
    part = TrainPart(cache, list(items), in_process, watcher, chosen.seed, chosen.fit_minutes, chosen.device)
    record = entry.settle(chosen, part)
    assert record.notes["asked"] == entry.asked(chosen)
    return entry, record, watcher.said


def set_random(network, seed=0, scale=0.05):
    """Random weights that leave nothing at its default: biases, batch norms and their statistics too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight")):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif value.is_floating_point():
                value.copy_(scale * torch.randn(value.shape, generator=generator))
    return network.eval()


@pytest.fixture(scope="session")
def tools():
    return SimpleNamespace(
        crc=crc,
        checkpoint=write_checkpoint,
        clip=write_clip,
        sound=write_sound,
        settled=settled,
        set_random=set_random,
        in_process=in_process,
    )


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """Three clips, three recordings and one file of each kind that is none, as items."""
    folder = tmp_path_factory.mktemp("media")
    clips = [
        Item(f"{k}.mp4", "video", str(write_clip(folder / f"{k}.mp4", seed=k)), label="ab"[k % 2]) for k in range(3)
    ]
    sounds = [
        Item(f"{k}.wav", "audio", str(write_sound(folder / f"{k}.wav", hertz=300.0 * (k + 1))), label="ab"[k % 2])
        for k in range(3)
    ]
    (folder / "bad.mp4").write_text("no clip")
    return SimpleNamespace(
        clips=clips,
        sounds=sounds,
        bad_clip=Item("bad.mp4", "video", str(folder / "bad.mp4")),
        bad_sound=Item("bad.wav", "audio", str(folder / "bad.mp4")),
        is_bad=lambda row: isinstance(row, BadItem),
    )


FAULTY = """
import os
import time
from pathlib import Path

def work(items):
    for item in items:
        kind = item.id.rstrip("0123456789")
        if kind == "crash":
            os.abort()
        if kind == "hang":
            time.sleep(600)
        if kind == "eat":
            list(range(10**9))
        if kind == "flaky" and not Path(item.path).exists():
            Path(item.path).touch()
            os._exit(9)
        if kind == "wrong":
            raise KeyError("no")
        time.sleep(0.02)
    return [item.id * 2 for item in items]
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A task that workers can import, and that does by its items' names what items do: crash, hang, eat, fail."""
    (tmp_path / "faulty_items.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    yield importlib.import_module("faulty_items").work
    sys.modules.pop("faulty_items")
