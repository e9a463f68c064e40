"""What a million and a hundred million clips cost, from measured costs of one.

    python bench/scale.py                                   # prints the tables of docs/scale.md
    python bench/scale.py --write docs/scale.md             # puts them there
    python bench/scale.py --measure docs/results/unit_costs.csv     # measures what the machine at hand needs

Measured are the processor's seconds of one thread, so that other work beside it does not count: each encoder on a
drawn clip of one window (64 frames, 640 x 480, h264) or on ten seconds of sound, reading and optical flow by
themselves, the bytes of a shard of 256 items and of their rows in memory, and what a commit and the opening of a cache
cost. What is too slow for that, or measured elsewhere, keeps its line and its source.
"""

import csv
import hashlib
import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from fmn.tables import as_csv

HERE = Path(__file__).resolve().parent.parent
UNITS, PRETEND = HERE / "docs" / "results" / "unit_costs.csv", HERE / "docs" / "results" / "pretend.csv"
COLUMNS = ("what", "value", "unit", "source")
SIZES = (10**6, 10**8)
SECONDS, FPS, WINDOW, SPOKEN = 10, 25, 64, 5  # of a clip; its frames a second; of a window; seconds of a recording
WINDOWS = -(-SECONDS * FPS // WINDOW)
MBIT = 1.5  # a second of video in a store
BEGIN, END = "<!-- scale -->", "<!-- /scale -->"


def read(path):
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def costs():
    """what -> value of the unit costs."""
    return {line["what"]: float(line["value"]) for line in read(UNITS)}


def clips(units):
    """Processor seconds a clip: (encoder, flow) -> seconds."""
    frames = SECONDS * FPS
    reading, stream = units["reading a frame"] * frames, units["i3d, a window of one stream"] * WINDOWS
    found = {
        ("i3d", method): reading + 2 * stream + frames * units[f"{told} flow of a frame"]
        for method, told in (("tvl1", "TV-L1"), ("dis", "DIS"))
    }
    found["i3d", "none"] = reading + stream
    for name in ("c3d", "i3d_r50", "x3d_m"):
        found[name, "-"] = units[f"{name}, a clip of one window"] * SECONDS * FPS / WINDOW
    return found


def number(value):
    """Three digits that count, with commas."""
    digits = max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{round(value, digits):,.{digits}f}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


def table(heads, rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *rows))


def page():
    """The tables, as they stand in docs/scale.md."""
    units = costs()
    heads = ("", *(f"{size:,} items" for size in SIZES))
    video = [
        (f"{name}, `--flow {flow}`" if flow != "-" else name, seconds) for (name, flow), seconds in clips(units).items()
    ]
    audio = [(name, units[f"{name}, ten seconds"] * SPOKEN / 10) for name in ("bilstm", "vmnet", "vggish", "musicnn")]
    hours = [
        (f"{what} ({number(seconds)} s)", *(number(seconds * size / 3600) for size in SIZES))
        for what, seconds in (*video, *audio)
    ]
    item, memory = units["shard, bytes an item"], units["memory, bytes an item"]
    shards, commit = units["index.json, bytes a shard"] / 256, units["a commit, for each shard there is"] / 256
    begin = units["opening a cache, an item"]
    sizes = [
        ("cache, one modality, 2048 columns", *(f"{number(item * size / 1e9)} GB" for size in SIZES)),
        ("`index.json`, written anew at each commit", *(f"{number(shards * size / 1e6)} MB" for size in SIZES)),
        ("seconds of a commit, in the end", *(number(commit * size) for size in SIZES)),
        ("minutes until a rerun begins: every shard is read", *(number(begin * size / 60) for size in SIZES)),
        ("memory of a search: features and rows", *(f"{number(memory * size / 1e9)} GB" for size in SIZES)),
        ("network, workers to client", *(f"{number(item * size / 1e9)} GB" for size in SIZES)),
        (
            f"network, store to workers ({SECONDS} s at {MBIT} Mbit/s)",
            *(f"{number(MBIT / 8 * SECONDS * size / 1e6)} TB" for size in SIZES),
        ),
    ]
    pretended = read(PRETEND)
    most = max(pretended, key=lambda line: (int(line["workers"]), -float(line["seconds an item"])))
    client = float(most["client ms"]) + float(most["writer ms"])
    slowest = max(client, float(most["scheduler ms"]))
    seconds = clips(units)
    bends = [
        (f"{name}, `--flow {flow}`" if flow != "-" else name, number(1000 / slowest * each))
        for (name, flow), each in seconds.items()
    ]
    return "\n\n".join(
        (
            "Core hours, one thread each (seconds an item):",
            table(heads, hours),
            "Bytes, and what grows with the cache:",
            table(heads, sizes),
            "Workers that only pretend to encode (`docs/results/pretend.csv`):",
            table(tuple(pretended[0]), [tuple(line.values()) for line in pretended]),
            f"With {most['workers']} workers an item costs client and writer {client:.1f} ms and the scheduler "
            f"{float(most['scheduler ms']):.1f} ms of a processor, so that one client holds about "
            f"{number(1000 / slowest)} items a second. That many workers keep it busy:",
            table(("encoder", "workers"), bends),
        )
    )


def measured():
    """(what, value, unit) of what is cheap to measure."""
    import torch

    from fmn.cache import EncoderRecord, Row
    from fmn.cache.index import Index, ShardEntry, save_index
    from fmn.cache.shard import encode_shard, read_shard
    from fmn.extract.encoders.registry import encoder_entry
    from fmn.extract.encoders.settings import ExtractSettings
    from fmn.extract.fitting.train_part import TrainPart
    from fmn.extract.media.flow import flow_fields
    from fmn.extract.media.frames import frames
    from fmn.extract.networks.bilstm import untrained
    from fmn.extract.weights.bilstm_file import save_bilstm
    from fmn.item import Item
    from fmn.progress import Silence

    torch.set_num_threads(1)

    def seconds(act):
        act()
        began = time.process_time()
        act()
        return time.process_time() - began

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clip, sound = Item("a", "video", str(place / "a.mp4")), Item("a", "audio", str(place / "a.wav"))
        write_media(clip.path, sound.path)
        save_bilstm(untrained(0), place / "voice.safetensors")
        yield "reading a frame", seconds(lambda: list(frames(clip.path, fps=FPS))) / WINDOW, "s"
        shown = [np.ascontiguousarray(np.resize(each, (256, 341, 3))) for each in list(frames(clip.path, fps=FPS))[:9]]
        yield "DIS flow of a frame", seconds(lambda: list(flow_fields(shown, "dis"))) / 8, "s"
        weights = {"c3d": "random:0", "i3d_r50": "random:0", "x3d_m": "random:0"}
        voices = {"bilstm": str(place / "voice.safetensors"), "vmnet": "", "vggish": "random:0", "musicnn": "random:0"}
        for item, names, told in ((clip, weights, "a clip of one window"), (sound, voices, "ten seconds")):
            for name, chosen in names.items():
                entry = encoder_entry(item.modality, name)
                settings = ExtractSettings(**{f"{item.modality}_weights": chosen}, device="cpu")
                part = TrainPart(place, [], lambda *_: iter(()), Silence(), 0, None, "cpu")
                encoder = entry.open(entry.settle(settings, part), place, "cpu")
                yield f"{name}, {told}", seconds(lambda encoder=encoder, item=item: encoder.encode([item])), "s"
    record = EncoderRecord("video", "i3d", 2048, {}, {"source": "none", "sha256": {}})
    random = np.random.default_rng(0)

    def rows():
        return [
            Row(
                Item(f"label{n % 20:02d}/clip{n:06d}.mp4", "video", f"/archive/label{n % 20:02d}/clip{n:06d}.mp4"),
                random.normal(size=2048).astype(np.float32),
                seconds=10.0,
                windows=4,
                repeated=0,
            )
            for n in range(256)
        ]

    shard = encode_shard(record, rows())
    yield "shard, bytes an item", len(shard) / 256, "bytes"
    tracemalloc.start()
    kept = rows()
    yield "memory, bytes an item", tracemalloc.get_traced_memory()[0] / len(kept), "bytes"
    tracemalloc.stop()
    entries = [ShardEntry(f"video-i3d-{n:05d}.h5", "video", "i3d", 256, "0" * 64, len(shard)) for n in range(5000)]
    with tempfile.TemporaryDirectory() as folder:
        place, index = Path(folder), Index(encoders=(record,), shards=tuple(entries))
        (place / entries[0].file).write_bytes(shard)
        whole = replace(entries[0], sha256=hashlib.sha256(shard).hexdigest())
        yield "opening a cache, an item", seconds(lambda: read_shard(place, whole, record)) / 256, "s"

        def commit():
            save_index(place, replace(index, labels=(*index.labels, "a")))

        yield "a commit, for each shard there is", seconds(commit) / len(entries), "s"
        yield "index.json, bytes a shard", (place / "index.json").stat().st_size / len(entries), "bytes"


def write_media(clip, sound):
    """A clip of one window and ten seconds of noise."""
    import av

    random = np.random.default_rng(0)
    base = random.integers(0, 255, (64, 24, 3), dtype=np.uint8).repeat(12, 0)[:480].repeat(40, 1)[:, :640]
    with av.open(clip, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for k in range(WINDOW):
            picture = np.ascontiguousarray(np.roll(base, 4 * k, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with av.open(sound, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (3000 * random.normal(size=160000)).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.rate = 16000
        container.mux([*stream.encode(frame), *stream.encode()])


@click.command()
@click.option("--measure", type=click.Path(path_type=Path), help="Measure, and put the lines into this table.")
@click.option("--write", type=click.Path(path_type=Path), help="Put the tables into this page.")
def main(measure, write):
    """Print the tables, put them into a page, or measure."""
    if measure:
        lines = {line["what"]: line for line in read(measure)} if measure.is_file() else {}
        for what, value, unit in measured():
            shown = f"{value:.4g}" if unit == "s" else f"{value:.0f}"
            source = "measured by bench/scale.py --measure"
            lines[what] = dict(zip(COLUMNS, (what, shown, unit, source), strict=True))
            click.echo(f"{what}: {shown} {unit}")
        measure.write_text(as_csv(COLUMNS, [lines[what] for what in sorted(lines)], newline="\n"), encoding="utf-8")
        return
    if write:
        before, rest = write.read_text(encoding="utf-8").split(BEGIN)
        write.write_text(f"{before}{BEGIN}\n{page()}\n{END}{rest.split(END)[1]}", encoding="utf-8")
        return
    click.echo(page())


if __name__ == "__main__":
    main()
