"""Media that are very long, and very many that are very short: memory, rate, and what a second run costs.

    python bench/long_media.py --hours 3 --items 20000 --out docs/results/reliability.csv

Three lines of the table:

- a video of `--hours`: ten seconds of noise that drifts, at 25 frames a second and 64 x 48, their packets written again
  and again with later timestamps; read by a process of its own frame by frame, with DIS flow, resized and cut into
  windows of 64 as I3D sees them (short side 64: the network and larger pictures cost time and no further memory);
- a recording of `--hours` (a wav of a tone that moves), read and made into MFCC by a process of its own;
- `--items` recordings of 0.1 s, and one clip, through fmn-extract with `--workers` (VM-Net's descriptors, an untrained
  I3D of small pictures), and the same command again.

A process's memory is the highest that the kernel saw it hold (VmHWM). A run is wrong where frames, seconds or items are
missing, where a process held more than `--memory`, or where the second extraction took ten seconds or more.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
import wave
from fractions import Fraction
from pathlib import Path

import av
import click
import numpy as np
import psutil
from reliability import record

from fmn.extract.media.frames import FPS
from fmn.extract.media.mfcc import DIM, mfcc
from fmn.extract.media.two_streams import VideoSettings, stream_windows
from fmn.extract.media.waveform import RATE, waveform

LOOP = 10  # seconds that are encoded
RESUME = 10.0  # seconds


def held(pid="self"):
    """MiB that a process held at the most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def video(path, hours):
    """The clip; returns its number of frames."""
    random = np.random.default_rng(0)
    base = np.kron(random.integers(40, 220, (6, 16, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    count, loops = round(LOOP * FPS), max(1, round(hours * 3600 / LOOP))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(FPS))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.max_b_frames, stream.codec_context.gop_size = 0, count
        packets = []
        for place in range(count):
            picture = np.ascontiguousarray(np.roll(base, place, axis=1)[:, :64])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, round(FPS))
            packets += stream.encode(frame)
        packets += stream.encode()
        kept = [(bytes(packet), packet.is_keyframe) for packet in packets]
        for place in range(loops * count):
            data, key = kept[place % count]
            packet = av.Packet(data)
            packet.stream, packet.is_keyframe, packet.time_base = stream, key, Fraction(1, round(FPS))
            packet.pts = packet.dts = place
            packet.duration = 1
            container.mux(packet)
    return loops * count


def recording(path, hours):
    """The wav; returns its number of samples."""
    minute = np.arange(60 * RATE) / RATE
    samples = (9000 * np.sin(2 * np.pi * (300 * minute + 20 * np.sin(minute)))).astype("<i2").tobytes()
    minutes = max(1, round(60 * hours))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        for _ in range(minutes):
            file.writeframes(samples)
    return minutes * 60 * RATE


def read_video(path):
    from fmn.extract.media.frames import frames

    settings = VideoSettings(flow="dis", short_side=64, crop=56)
    counted = 0

    def shown():
        nonlocal counted
        for frame in frames(path):
            counted += 1
            yield frame

    windows = sum(1 for _ in stream_windows(shown(), settings))
    return {"read": counted, "windows": windows}


def read_recording(path):
    sound = waveform(path)
    samples = len(sound)
    table = mfcc(sound)
    return {"read": samples, "shape": list(table.shape)}


def apart(kind, path):
    """What `read_...` returns in a process of its own, with its seconds and memory."""
    command = [sys.executable, __file__, "--read", kind, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"Reading the {kind} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def many(folder, items):
    """0.1 s recordings, each another tone, one clip, and their manifest."""
    sounds = folder / "sounds"
    sounds.mkdir()
    moments = np.arange(RATE // 10) / RATE
    lines = ["id,modality,path,label\n", f"clip,video,{folder / 'clip.mp4'},label0\n"]
    video(folder / "clip.mp4", LOOP / 3600)
    for place in range(items):
        samples = 9000 * np.sin(2 * np.pi * (200 + place * 0.05) * moments)
        with wave.open(str(sounds / f"{place:06d}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
        lines.append(f"{place:06d},audio,sounds/{place:06d}.wav,label{place % 10}\n")
    (folder / "set.csv").write_text("".join(lines))


def extraction(folder, workers):
    """(exit code, output, seconds, MiB of fmn-extract, MiB of the largest process below it)."""
    sizes = ["--short-side", "40", "--crop", "32", "--window", "64", "--flow", "none", "--video-weights", "random:0"]
    words = ["--manifest", folder / "set.csv", "--cache", folder / "cache", "--audio-encoder", "vmnet"]
    start = "from fmn_retrieval import extract; extract()"
    command = [sys.executable, "-c", start, *map(str, words), *sizes, "--workers", str(workers)]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        most = {"own": 0.0, "below": 0.0}

        def watch():
            while process.poll() is None:
                try:
                    most["own"] = max(most["own"], held(process.pid))
                    below = psutil.Process(process.pid).children(recursive=True)
                    most["below"] = max([most["below"], *(held(each.pid) for each in below)])
                except (OSError, psutil.Error):
                    pass  # one ended meanwhile
                time.sleep(0.5)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        said = process.communicate()[0]
        watcher.join()
    return process.returncode, said, time.monotonic() - began, most["own"], most["below"]


def in_cache(cache):
    from fmn.cache import FeatureCache

    return len(FeatureCache(cache).ids("audio"))


@click.command()
@click.option("--hours", default=3.0, show_default=True, help="Of the video and of the recording; 0 leaves them out.")
@click.option("--items", default=20_000, show_default=True, help="Recordings of 0.1 s; 0 leaves them out.")
@click.option("--workers", default=2, show_default=True)
@click.option("--memory", default=3072, show_default=True, help="MiB that no process may exceed.")
@click.option("--out", type=click.Path(path_type=Path))
@click.option("--read", nargs=2, hidden=True)
def main(hours, items, workers, memory, out, read):
    """Make them, read them, and count."""
    if read:
        began = time.monotonic()
        found = {"video": read_video, "recording": read_recording}[read[0]](read[1])
        click.echo(json.dumps({**found, "seconds": time.monotonic() - began, "memory": held()}))
        return
    command = f"python bench/long_media.py --hours {hours:g} --items {items} --workers {workers}"

    def tell(measure, wrong, detail, seconds):
        click.echo(f"{measure}: {detail}{' WRONG' if wrong else ''}")
        if out:
            record(out, measure, 1, int(wrong), detail, seconds, command)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, make, rate, unit in (
            ("video", video, FPS, "frames with flow, in windows"),
            ("recording", recording, RATE, f"samples, as MFCC of {DIM}"),
        ):
            if not hours:
                continue
            path = folder / {"video": "long.mkv", "recording": "long.wav"}[kind]
            count = make(path, hours)
            found = apart(kind, path)
            path.unlink()
            seconds = found["seconds"]
            detail = (
                f"{found['read']} of {count} {unit}; {count / rate / seconds:.0f} times as fast as it plays; "
                f"{found['memory']:.0f} MiB at the most"
            )
            tell(f"{kind}, {hours:g} h", found["read"] != count or found["memory"] > memory, detail, seconds)
        if items:
            many(folder, items)
            code, said, seconds, own, below = extraction(folder, workers)
            again, said_again, resumed, *_ = extraction(folder, workers)
            kept = in_cache(folder / "cache")
            if code or again:
                click.echo(said[-2000:] + said_again[-2000:])
            wrong = code or again or kept != items or resumed >= RESUME or max(own, below) > memory
            detail = (
                f"{kept} of {items} in the cache; {items / seconds:.0f} items/s with {workers} workers; {own:.0f} MiB "
                f"of fmn-extract and {below:.0f} MiB of a process below it; the same command again {resumed:.1f} s"
            )
            tell("tiny recordings", wrong, detail, seconds)


if __name__ == "__main__":
    main()
