"""Media with something changed in them, read as an extraction reads them: what becomes of each.

    python bench/mutated_media.py --runs 6000 --out docs/results/reliability.csv

Clips (mp4, avi, webm) and recordings (wav, mp3, flac), made here, are changed in turn, by the run's number: bytes
flipped, a part cut off, taken out, doubled, emptied or put in from another format, a number set to an extreme. A child
that is watched reads each one, frames or MFCC. An outcome is wrong unless the file is read, or is refused with a
sentence that names it, or costs its reader its life and is named for that: silence of 20 s does, and 1 GiB of memory.
"""

import collections
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import click
import numpy as np
from reliability import record

from fmn.child import GIB, Child, Crash, Limits
from fmn.errors import BadItem
from fmn.extract.media.frames import frames
from fmn.extract.media.mfcc import mfcc
from fmn.extract.media.waveform import waveform

CLIPS = {"mp4": "libx264", "avi": "mpeg4", "webm": "libvpx"}
RECORDINGS = {"wav": "pcm_s16le", "mp3": "libmp3lame", "flac": "flac"}
LIMITS = Limits(stall=20.0, memory=GIB)
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
SECONDS = 1.5


def clip(path, codec):
    """A small clip with sound, its pattern moving."""
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=12, options={"g": "6"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream({"webm": "libopus", "avi": "libmp3lame"}.get(path.suffix[1:], "aac"), rate=48000)
        across = np.arange(64)[None, :, None] * np.ones((48, 1, 3))
        for at in range(int(12 * SECONDS)):
            picture = (127 + 120 * np.sin((across + 5 * at) / 6)).astype(np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode())
        add_sound(out, sound, 48000)


def recording(path, codec):
    """A short recording."""
    with av.open(str(path), "w") as out:
        add_sound(out, out.add_stream(codec, rate=16000, layout="mono"), 16000)


def add_sound(out, stream, rate):
    """A tone, in the stream's own sample format."""
    samples = (8000 * np.sin(np.arange(int(rate * SECONDS)) * 2 * np.pi * 330 / rate)).astype(np.int16)
    resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.codec_context.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        out.mux(stream.encode(piece))
    out.mux(stream.encode())


def mutated(data, other, random):
    """(what was done, the changed bytes)."""
    data = bytearray(data)
    at, length = int(random.integers(len(data))), int(2 ** random.uniform(0, np.log2(len(data))))
    if random.random() < 0.5:
        at = int(len(data) * random.random() ** 4)  # headers decide most
    part = slice(at, at + length)
    way = str(random.choice(["flip", "cut", "take out", "double", "empty", "splice", "number"]))
    if way == "flip":
        for place in random.integers(len(data), size=int(random.integers(1, 17))):
            data[place] ^= 1 << int(random.integers(8))
        data[at] ^= int(random.integers(1, 256))
    elif way == "cut":
        del data[at:]
    elif way == "take out":
        del data[part]
    elif way == "double":
        data[at:at] = data[part]
    elif way == "empty":
        data[part] = bytes(len(data[part]))
    elif way == "splice":
        start = int(random.integers(len(other)))
        data[part] = other[start : start + length]
    else:
        width, order = int(random.choice([1, 2, 4])), str(random.choice(["big", "little"]))
        data[at : at + width] = (int(random.choice(EXTREMES)) & (256**width - 1)).to_bytes(width, order)
    return way, bytes(data)


def read(path):
    """What an encoder would be given: the number of frames, or of MFCC rows."""
    if path.suffix[1:] in CLIPS:
        return sum(1 for _ in frames(path, fps=12))
    return len(mfcc(waveform(path)))


def judged(child, path):
    """(outcome, whether it is as it should be, sentence)."""
    try:
        count = child.call(read, path)
    except BadItem as refused:
        return "refused", path.name in str(refused), str(refused)
    except Crash as lost:
        return (
            ("hung" if "sign of life" in str(lost) else "memory" if "GiB" in str(lost) else "crashed"),
            True,
            str(lost),
        )
    except Exception as error:
        return "unexpected", False, f"{type(error).__name__}: {error}"
    return "read", count > 0, f"{count} frames"


@click.command()
@click.option("--runs", default=6000, show_default=True)
@click.option("--first", default=0, show_default=True, help="Number of the first one.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for what came out wrong.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(runs, first, keep, out):
    """Run them."""
    began, counted, wrong = time.monotonic(), collections.Counter(), 0
    child = Child(LIMITS)
    with tempfile.TemporaryDirectory() as folder:
        whole = {}
        for suffixes, make in ((CLIPS, clip), (RECORDINGS, recording)):
            for suffix, codec in suffixes.items():
                path = Path(folder) / f"whole.{suffix}"
                make(path, codec)
                whole[suffix] = path.read_bytes()
                assert judged(child, path)[0] == "read", judged(child, path)
        names = list(whole)
        for number in range(first, first + runs):
            random = np.random.default_rng(number)
            suffix = names[number % len(names)]
            way, data = mutated(whole[suffix], whole[str(random.choice(names))], random)
            path = Path(folder) / f"changed-{number}.{suffix}"
            path.write_bytes(data)
            outcome, good, told = judged(child, path)
            counted[outcome] += 1
            wrong += not good
            if not good or outcome in ("hung", "memory", "crashed"):
                click.echo(f"{path.name} ({way}): {outcome}: {told}")
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / path.name).write_bytes(data)
            path.unlink()
    child.close()
    told = ", ".join(f"{count} {outcome}" for outcome, count in counted.most_common())
    click.echo(f"{runs} changed files: {told}; {wrong} wrong.")
    record(out, "changed media", runs, wrong, told, time.monotonic() - began, f"bench/mutated_media.py --runs {runs}")


if __name__ == "__main__":
    main()
