"""One bit flipped in any file of a cache and of its runs: is it found, and is everything as before after the repair?

    python bench/flipped_bytes.py --runs 1000 --table docs/results/reliability.csv

A small cache (drawn vectors of two encoders, kept weights and statistics, a manifest, failures), a run of an FMN and
one of a memory, a run with a category enrolled, and a comparison of two systems, in one process. For each flip a file
of one of these folders is drawn, each file as often as any other, and a bit of it; then the functions of `fmn-cache
verify` and `repair` are called, and the folder is compared byte for byte with what it was. In every tenth round what
healing goes by is deleted before the flip, so that the damaged file is lost: then the same making runs again in this
process (the writer is given the items that are missing; train, enrol or compare with the same arguments), and the cache
must hold the same items, vectors and records, a run the same weights, and a comparison the same summary.
"""

import functools
import hashlib
import shutil
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from reliability import record
from safetensors.torch import save

from fmn.cache import CacheWriter, EncoderRecord, FeatureCache, Row
from fmn.commands.cache import check, mend
from fmn.errors import InputError
from fmn.files import write_durably
from fmn.item import Item
from fmn.parity import FOLDER
from fmn.retrieval import FmnConfig, load
from fmn.retrieval.enrolled_run import write_enrolled_run
from fmn.retrieval.enrolment import enrol
from fmn.train.experiments.comparison import compare
from fmn.train.experiments.systems import known_systems
from fmn.train.memory_run import remember_cache
from fmn.train.run import train
from fmn.train.settings import TrainSettings

DIM, CATEGORIES, EACH, LOST = 16, 3, 10, 10
NAMES = {"video": "toy", "audio": "toy"}


def make_cache(place):
    """Make it, or what is missing of it, as an extraction does."""
    random = np.random.default_rng(0)
    with CacheWriter(place) as writer:
        writer.describe(seed=0, train=0.7)
        for number, modality in enumerate(("video", "audio")):
            content = save({"w": torch.full((700,), float(number))})
            digest = hashlib.sha256(content).hexdigest()[:12]
            kept, statistics = (f"{modality}-toy{of}-{digest}.safetensors" for of in ("", "-calibration"))
            for name in (kept, statistics):
                if not (place / name).is_file():
                    write_durably(place, name, content)
            weights = {
                "source": "drawn",
                "sha256": {"all": "0" * 64},
                "files": {"kept": kept, "calibration": statistics},
            }
            items, rows = [], []
            for category in range(CATEGORIES):
                for n in range(EACH):
                    split = "test" if n % 5 == 4 else "train"
                    name = f"{category}/{n}"
                    item = Item(name, modality, f"/{modality}/{name}", f"k{category}", split)
                    centre = 4 * np.eye(DIM)[category + CATEGORIES * number]
                    items.append(item)
                    rows.append(Row(item, random.normal(size=DIM) + centre, 1.0, 1, 0))
            writer.declare(EncoderRecord(modality, "toy", DIM, {"size": 1}, weights))
            done = writer.done(modality, "toy")
            writer.add("toy", [row for row in rows if row.item.id not in done])
            writer.fail(Item("bad", modality, "/bad", "k0", "test"), "The file has no samples.")
        writer.keep("manifest.csv", b"modality,path\r\n" + b"".join(f"video,{n}\r\n".encode() for n in range(2000)))


def make_fmn(place, cache):
    if not (place / "run.json").exists() or load_facts(place).get("status") != "finished":
        train(cache, place, FmnConfig(common=8, hidden=8, capacity=6), TrainSettings(epochs=3, batch=8, patience=0))


def load_facts(place):
    return load(place).facts["about"]


def make_memory(place, cache):
    if not (place / "run.json").exists():
        remember_cache(cache, place)


def make_enrolled(place, run):
    if not (place / "run.json").exists():
        vectors = np.random.default_rng(7).normal(size=(3, DIM)).astype(np.float32)
        learnt, done = enrol(load(run), vectors, vectors, ["new"] * 3)
        write_enrolled_run(run, place, learnt, [each.to_json() for each in done])


def make_comparison(place, cache):
    compare(cache, place, systems=known_systems(["CCA", "SM"]), seeds=1, ks=(1, 3), workers=1, device="cpu")


def files(place):
    found = (path for path in sorted(place.rglob("*")) if path.is_file() and path.stat().st_size)
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in found if "damaged-" not in path.name}


def held(place):
    """What a reader of a folder gets: a cache's columns and records, a run's weights and config, a summary."""
    if (place / "index.json").exists():
        cache = FeatureCache(place)
        columns = [(cache.items(m, "toy"), cache.features(m, "toy").tobytes()) for m in NAMES]
        beside = {
            name: data for name, data in files(place).items() if name[0] in "vam" and not name.endswith(".h5")
        }  # weights, statistics and the manifest
        return columns, cache.encoders(), cache.failures(), cache.protocol, beside
    if (place / "compare.json").exists():
        return (place / "summary.csv").read_bytes()
    run = load(place)
    about = {key: run.facts["about"].get(key) for key in ("kind", "config", "settings", "enrolled")}
    return about, (place / "best.safetensors").read_bytes(), {m: each.tobytes() for m, each in run.enrolled.items()}


def found(place):
    try:
        return bool(check(place)[0])
    except InputError:
        return True


def one(place, make, random, before, meant, lost):
    """Flip, verify, repair and, if it is `lost`, make again; what is wrong afterwards, "" for nothing."""
    name = str(random.choice([name for name in before if not (lost and f"{FOLDER}/" in name)]))
    data = bytearray(before[name])
    at, bit = int(random.integers(len(data))), int(random.integers(8))
    data[at] ^= 1 << bit
    (place / name).write_bytes(data)
    if lost:
        file = place / name
        (file.parent / FOLDER / file.name).unlink(missing_ok=True)
    if not found(place):
        return f"{place.name}/{name}, byte {at}, bit {bit}: not found"
    try:
        mend(place)
    except InputError as error:
        if not lost or place.name not in ("cache", "comparison") or name not in ("index.json", "compare.json"):
            return f"{place.name}/{name}: {error}"
        return ""  # refused in a sentence: without its index nothing is known of the rest
    if not lost:
        return "" if files(place) == before else f"{place.name}/{name}, byte {at}, bit {bit}: not as it was"
    make(place)
    if found(place):
        return f"{place.name}/{name}: made again, and not sound"
    return "" if held(place) == meant else f"{place.name}/{name}: made again, and not the same"


@click.command()
@click.option("--runs", default=1000, show_default=True, help="Flips.")
@click.option("--table", type=click.Path(path_type=Path), help="The table to put the count into.")
def main(runs, table):
    """Flip and repair."""
    torch.set_num_threads(1)
    began, wrong, random = time.monotonic(), [], np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_cache(root / "cache")
        cache = FeatureCache(root / "cache")
        making = {
            "cache": make_cache,
            "fmn": functools.partial(make_fmn, cache=cache),
            "memory": functools.partial(make_memory, cache=cache),
            "enrolled": functools.partial(make_enrolled, run=root / "memory"),
            "comparison": functools.partial(make_comparison, cache=cache),
        }
        for name, make in list(making.items())[1:]:
            make(root / name)
        before = {name: files(root / name) for name in making}
        meant = {name: held(root / name) for name in making}
        click.echo(f"{sum(map(len, before.values()))} files, made in {time.monotonic() - began:.0f} s")
        for number in range(runs):
            name = list(making)[number % len(making)]
            lost = number % LOST == number // LOST % len(making)  # each folder in its turn
            said = one(root / name, making[name], random, before[name], meant[name], lost)
            if said:
                wrong.append(said)
                click.echo(said)
            if said or lost:
                for left in root.glob(f"damaged-*{name}*"):
                    shutil.rmtree(left)
                shutil.rmtree(root / name, ignore_errors=True)
                for path, data in before[name].items():
                    (root / name / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / name / path).write_bytes(data)
    detail = (
        f"one bit flipped in any file of a cache, its runs and a comparison: found, and the same after the repair (in "
        f"{runs // LOST} of them what heals was gone too, and the same making ran again)"
    )
    seconds = time.monotonic() - began
    click.echo(f"{runs - len(wrong)} of {runs} in {seconds:.0f} s: {detail}.")
    if table:
        record(
            table, "flipped bytes", runs, len(wrong), detail, seconds, f"python bench/flipped_bytes.py --runs {runs}"
        )


if __name__ == "__main__":
    main()
