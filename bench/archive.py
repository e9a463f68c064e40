"""An archive that is asked by voice: many categories, one clip each, in the manifest as train and as test.

    python bench/archive.py archive --categories 151
    fmn-finetune audio --manifest archive/manifest.csv --units 256 --out archive/voice
    fmn-extract --manifest archive/manifest.csv --cache archive/cache --video-weights random:0 --flow dis \
        --short-side 72 --crop 64 --window 32 --fps 12.5 --audio-weights archive/voice/bilstm.safetensors
    fmn-compare archive/cache --out archive/compare --system SM --system AVLnet --system FMN --seeds 1

A category is a sentence that nobody else is said ("pour a little oil into the hot frying pan for Anna") and one clip of
its action, which the test part knows under another name: an archive is asked for what it holds. Its 16 recordings are
spoken by as many voices, of which the last four are in the test part alone.
"""

import itertools
import shutil
from pathlib import Path

import click
import numpy as np

from fmn.demo.categories import CATEGORIES
from fmn.demo.sentences import VOICES
from fmn.demo.utterance import Utterance, write_utterance
from fmn.demo.video import write_video
from fmn.making import make_missing
from fmn.manifest import write_manifest
from fmn.progress import Silence

PEOPLE = ("Anna", "Robert", "the children", "my neighbour", "Olivia", "grandfather", "Zoe", "the guests", "Ken")
TRAIN, TEST = 12, 4  # recordings
COLUMNS = ("id", "modality", "path", "label", "split", "group", "text")


def sayings(count):
    """`count` sentences, one a category."""
    found = [
        (category, category.full.replace("~", category.verb) + f" for {person}")
        for person, category in itertools.product(PEOPLE, CATEGORIES)
    ]
    if count > len(found):
        raise click.UsageError(f"There are {len(found)} sentences, not {count}.")
    return found[:count]


class Job:
    """One file of the archive."""

    def __init__(self, number, modality, index):
        self.number, self.modality, self.index = number, modality, index
        self.place = f"{modality}/{number:03d}/{index:02d}.{'mp4' if modality == 'video' else 'wav'}"


def write(path, job):
    """Draw or speak it."""
    category, text = sayings(job.number + 1)[job.number]
    rng = np.random.default_rng([7, job.number, job.index, job.modality == "video"])
    if job.modality == "video":
        write_video(path, category, "train", job.number, rng)
        return
    test = job.index >= TRAIN
    voices = VOICES["test" if test else "train"]
    voice = voices[int(rng.integers(len(voices)))]
    rate, pitch, spread = (int(rng.integers(low, high)) for low, high in ((150, 191), (40, 61), (40, 61)))
    write_utterance(path, Utterance(text, voice, rate, pitch, spread), rng)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--categories", default=151, show_default=True)
@click.option("--workers", default=2, show_default=True)
def main(out, categories, workers):
    """Draw and speak the archive into OUT."""
    jobs = [Job(number, "video", 0) for number in range(categories)]
    jobs += [Job(number, "audio", index) for number in range(categories) for index in range(TRAIN + TEST)]
    make_missing(out, jobs, write, workers, Silence(), "drawing and speaking the archive")
    rows = []
    for job in jobs:
        text = sayings(job.number + 1)[job.number][1]
        row = {"id": job.place, "modality": job.modality, "path": job.place, "label": f"{job.number:03d}", "text": text}
        if job.modality == "audio":
            rows.append(row | {"split": "train" if job.index < TRAIN else "test"})
            continue
        again = f"video/{job.number:03d}/again.mp4"
        shutil.copyfile(out / job.place, out / again)
        rows += [row | {"split": "train"}, row | {"id": again, "path": again, "split": "test"}]
    write_manifest(out / "manifest.csv", COLUMNS, rows)
    click.echo(f"{categories} categories in {out / 'manifest.csv'}")


if __name__ == "__main__":
    main()
