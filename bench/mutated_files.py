"""Damaged and hostile files of our own kinds, thousands of them: each is read, or refused in a sentence that names it.

    python bench/mutated_files.py --runs 5000 --table docs/results/reliability.csv

Kinds in turn: a shard (HDF5), index.json, run.json, result.json, a manifest (CSV), a run's best.safetensors, weights as
.safetensors and as .pt. Each is changed in one of seven ways (bits flipped, cut off, bytes put in, a piece repeated
elsewhere, two pieces swapped, a number made as large as it gets, zeros) and given to the functions that the commands
read it with, in a process that is given up after 60 s without an answer or above 1 GiB. Half of the documents and all
of the runs have no checksum, as those of an earlier version, so that what is behind the checksums is met too; half of
the shards have one that fits, as somebody would write it who means harm. Wrong is a crash, a hang, too much memory,
another exception than our sentences, or a sentence that names no file.
"""

import hashlib
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import numpy as np
import torch
from flipped_bytes import make_cache, make_fmn
from reliability import record
from safetensors.torch import save_file

from fmn.cache import FeatureCache
from fmn.cache.check import verify
from fmn.child import GIB, Child, Crash, Limits, alive
from fmn.errors import InputError
from fmn.extract.items.manifest import read_manifest
from fmn.extract.networks.bilstm import BiLstm
from fmn.extract.weights.bilstm_file import load_bilstm, save_bilstm
from fmn.extract.weights.state_file import read_state
from fmn.retrieval import load
from fmn.retrieval.protocol import DIRECTIONS
from fmn.sealed import without_seal
from fmn.train.experiments.experiment_folder import check_result, read_json

KINDS = ("h5", "index.json", "run.json", "result.json", "csv", "safetensors of a run", "safetensors", "pt")
LIMITS = Limits(stall=60.0, memory=GIB)
BATCH = 50
HUGE = (b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0\0\0\0\0\0\0\x40", b"9" * 300, b"1e999", b"[" * 5000, b"-1", b"NaN")


def mutated(data, random):
    """Other bytes of the same kind."""
    data = bytearray(data)
    way, size = int(random.integers(7)), len(data)
    first, second = sorted(int(at) for at in random.integers(0, size, 2))
    length = int(random.integers(1, 200))
    if way == 0:
        for at in random.integers(0, size, int(random.integers(1, 9))):
            data[at] ^= 1 << int(random.integers(8))
    elif way == 1:
        del data[first:]
    elif way == 2:
        data[first:first] = random.bytes(length)
    elif way == 3:
        data[second:second] = data[first : first + length]
    elif way == 4:
        data[first : first + length], data[second : second + length] = (
            data[second : second + length],
            data[first : first + length],
        )
    elif way == 5:
        huge = HUGE[int(random.integers(len(HUGE)))]
        data[first : first + len(huge)] = huge
    else:
        data[first : first + length] = bytes(length)
    return bytes(data)


def make_files(root):
    """One sound file of each kind, and what belongs to it."""
    make_cache(root / "cache")
    make_fmn(root / "run", FeatureCache(root / "cache"))
    facts = without_seal(json.loads((root / "run" / "run.json").read_text()))
    (root / "run" / "run.json").write_text(json.dumps(facts))
    one_way = {"recall": {"1": 0.5}, "hit_rate": {"1": 0.5}, "mAP": 0.5, "MedR": 1.0}
    numbers = {"directions": dict.fromkeys(DIRECTIONS, one_way)}
    result = {
        "system": "CCA",
        "seed": 0,
        "validation_mAP": 0.5,
        "seconds": 1.0,
        "warnings": [],
        "parts": {"all": numbers},
    }
    (root / "result.json").write_text(json.dumps(result | numbers, indent=1))
    rows = "".join(f"video,v{n}.mp4,a label,train,,1.5\naudio,a{n}.wav,a label,test,p{n},\n" for n in range(20))
    (root / "set.csv").write_text(f"modality,path,label,split,pair,start\n{rows}")
    save_bilstm(BiLstm(input_dim=6, units=4, stack=1), root / "bilstm.safetensors")
    torch.save({f"layer{n}.weight": torch.ones(8, 4) for n in range(6)}, root / "weights.pt")
    save_file({f"layer{n}.weight": torch.ones(8, 4) for n in range(6)}, root / "weights.safetensors")


def place_of(kind, root):
    shard = min((root / "cache").glob("video-toy-0*.h5"))
    return {
        "h5": shard,
        "index.json": root / "cache" / "index.json",
        "run.json": root / "run" / "run.json",
        "result.json": root / "result.json",
        "csv": root / "set.csv",
        "safetensors of a run": root / "run" / "best.safetensors",
        "safetensors": root / "bilstm.safetensors",
        "pt": root / "weights.pt",
    }[kind]


def read(kind, path):
    """Read it with what the commands read it with."""
    if kind in ("h5", "index.json"):
        cache = FeatureCache(path.parent)
        for each in cache.encoders():
            cache.features(each.modality, each.name)
        verify(path.parent)
    elif kind in ("run.json", "safetensors of a run"):
        load(path.parent)
    elif kind == "result.json":
        check_result(read_json(path), path, "CCA", 0, (1,))
    elif kind == "csv":
        read_manifest(path)
    elif kind == "safetensors":
        read_state(path)
        load_bilstm(path)
    else:
        read_state(path)


def one(kind, root, sound, number):
    """ "read", "refused", or what is wrong."""
    random = np.random.default_rng([KINDS.index(kind), number])
    path, hostile = place_of(kind, root), bool(random.integers(2))
    index = root / "cache" / "index.json"
    before, indexed = sound[kind], sound["index.json"]
    if kind == "index.json" and hostile:
        before = json.dumps(without_seal(json.loads(before)), indent=1).encode()
    data = mutated(before, random)
    try:
        path.write_bytes(data)
        if kind == "h5" and hostile:
            content = without_seal(json.loads(indexed))
            entry = next(each for each in content["shards"] if each["file"] == path.name)
            entry.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            index.write_text(json.dumps(content))
        read(kind, path)
        return "read"
    except InputError as error:
        named = any(name in str(error) for name in (path.name, str(path.parent)))
        return "refused" if named else f"names no file: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        path.write_bytes(sound[kind])
        index.write_bytes(indexed)


def many(kind, folder, numbers):
    """Number -> what came of it. Runs in the process that is watched."""
    root = Path(folder)
    sound = {name: place_of(name, root).read_bytes() for name in KINDS}
    found = {}
    for number in numbers:
        found[number] = one(kind, root, sound, number)
        alive()
    return found


@click.command()
@click.option("--runs", default=5000, show_default=True, help="Mutations, over all kinds.")
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="These kinds alone.")
@click.option("--table", type=click.Path(path_type=Path), help="The table to put the count into.")
def main(runs, only, table):
    """Mutate and read."""
    began, came, wrong = time.monotonic(), Counter(), []
    child = Child(LIMITS)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_files(root)
        sound = {kind: place_of(kind, root).read_bytes() for kind in KINDS}
        for kind in only or KINDS:
            mine = range(-(-runs // len(only or KINDS)))
            for start in range(0, len(mine), BATCH):
                batch = list(mine[start : start + BATCH])
                try:
                    found = child.call(many, kind, folder, batch)
                except Crash:  # by which of them? each by itself
                    found = {}
                    for number in batch:
                        for name in KINDS:
                            place_of(name, root).write_bytes(sound[name])
                        try:
                            found |= child.call(many, kind, folder, [number])
                        except Crash as error:
                            found[number] = f"crash: {error}"
                    for name in KINDS:
                        place_of(name, root).write_bytes(sound[name])
                for number, said in found.items():
                    came[kind, said if said in ("read", "refused") else "wrong"] += 1
                    if said not in ("read", "refused"):
                        wrong.append(f"{kind} {number}: {said}")
                        click.echo(wrong[-1])
            click.echo(f"{kind}: {', '.join(f'{n} {what}' for (of, what), n in came.items() if of == kind)}")
    child.close()
    read_whole, count = sum(n for (_, what), n in came.items() if what == "read"), sum(came.values())
    detail = (
        f"mutated {', '.join(KINDS)}: {read_whole} read all the same, {count - read_whole - len(wrong)} refused by name"
    )
    seconds = time.monotonic() - began
    click.echo(f"{count - len(wrong)} of {count} in {seconds:.0f} s: {detail}.")
    if table:
        record(
            table, "mutated files", count, len(wrong), detail, seconds, f"python bench/mutated_files.py --runs {runs}"
        )


if __name__ == "__main__":
    main()
