"""Full disks: a command that cannot write says so in a sentence, harms nothing, and ends well once there is room.

    python bench/full_disk.py --runs 50

An extraction, a training, a comparison and an enrolment in turn, each with a limit drawn evenly below what it needs: on
the size of a file (RLIMIT_FSIZE) and, where file systems may be mounted, by a small tmpfs that they write into. Wrong
is a run that hangs, ends with 0 or 70, shows a traceback or no sentence, leaves a cache that is not sound, or whose
command, with room, then does not end well or leaves other results than an undisturbed run.
"""

import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from forked import extraction, features, imported, make_media, run, sound, weights
from kills import SYSTEMS
from reliability import record

PAGE = 4096  # bytes: what a tmpfs counts in


def commands(media, place):
    """name -> (the words of a command that writes into `place`, what it leaves there)."""
    cache = media / "cache"
    table = ("--only", SYSTEMS, "--seeds", 1, "--workers", 1, "--audio-encoder", "vmnet")
    new = (media / "new" / "videos", media / "new" / "audio")
    return {
        "extract": (extraction(media, place / "cache"), lambda: features(place / "cache")),
        "train": (("fmn-train", cache, "--run", place / "run"), lambda: weights(place / "run")),
        "descend": (
            ("fmn-train", cache, "--run", place / "run", "--as-printed", "--epochs", 3, "--common", 64),
            lambda: weights(place / "run"),
        ),
        "compare": (
            ("fmn-compare", cache, "--out", place / "out", *table),
            lambda: (place / "out" / "summary.csv").read_bytes(),
        ),
        "enroll": (
            ("fmn-enroll", media / "run", *new, "--cache", cache, "--out", place / "new"),
            lambda: weights(place / "new"),
        ),
    }


def mounted(place, size):
    """Mount a tmpfs of `size` bytes; False where this user may not."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def limited(size):
    """Let no file grow beyond `size` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def one(name, media, place, whole, draw, small):
    """A run; "" or what was wrong."""
    words, left = commands(media, place)[name]
    largest, needed = whole["sizes"]
    if small:
        size = PAGE * int(draw.integers(1, needed // PAGE))
        assert mounted(place, size)
        failed = run(*words)
    else:
        size = int(draw.integers(0, largest))
        failed = run(*words, before=lambda: limited(size))
    try:
        at = f"{name} with {'a disk' if small else 'files'} of {size} bytes"
        if not failed.is_a_sentence:
            return f"{at}: {failed.code}: {failed.said[-500:]}"
        if not sound(place / "cache"):
            return f"{at}: the cache is not sound"
        if small:
            subprocess.run(["mount", "-o", f"remount,size={4 * needed + (64 << 20)}", str(place)], check=True)
        again = run(*words)
        if again.code != 0 or again.is_a_defect:
            return f"{at}, then with room: {again.code}: {again.said[-500:]}"
        return "" if left() == whole["left"] else f"{at}: the results differ"
    except AssertionError as error:
        return f"{at}: {error}"
    finally:
        if small:
            subprocess.run(["umount", "-l", str(place)], check=False)


def undisturbed(name, media, place):
    """What a command leaves, and the sizes of its largest file and of all of them in pages."""
    words, left = commands(media, place)[name]
    done = run(*words)
    assert done.code == 0, done.said
    sizes = [path.stat().st_size for path in place.rglob("*") if path.is_file()]
    return {"left": left(), "sizes": (max(sizes), sum(-(-size // PAGE) * PAGE for size in sizes))}


@click.command()
@click.option("--runs", default=50, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--only", default="", help="Commands with commas, such as train,enroll.  [default: all]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results/reliability.csv"))
def main(runs, seed, only, out):
    """Run them."""
    imported()
    began, wrong = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        media, place = scratch / "media", scratch / "place"
        make_media(media, clips=4, sounds=8)
        make_media(media / "new", clips=2, sounds=2, labels=("other", "more"), first=4)
        for words in (extraction(media, media / "cache"), ("fmn-train", media / "cache", "--run", media / "run")):
            done = run(*words)
            assert done.code == 0, done.said
        names, whole = (only.split(",") if only else list(commands(media, place))), {}
        place.mkdir()
        disks = mounted(place, PAGE)
        if disks:
            subprocess.run(["umount", str(place)], check=True)
        else:
            click.echo("No file system may be mounted here: limits on files alone.")
        counts = [0, 0]
        for number in range(runs):
            name = names[number % len(names)]
            small = disks and (number // len(names)) % 2 == 1
            if name not in whole:
                place.mkdir(exist_ok=True)
                whole[name] = undisturbed(name, media, place)
                shutil.rmtree(place)
            place.mkdir(exist_ok=True)
            said = one(name, media, place, whole[name], np.random.default_rng([seed, number]), small)
            counts[small] += 1
            shutil.rmtree(place)
            if said:
                wrong.append(said)
                click.echo(said)
    seconds = time.monotonic() - began
    detail = f"{counts[0]} limits on files, {counts[1]} small disks ({', '.join(names)}); then equal results"
    click.echo(f"{runs} full disks, {len(wrong)} wrong, {seconds:.0f} s ({detail})")
    record(out, "full disk", runs, len(wrong), detail, seconds, f"bench/full_disk.py --runs {runs}")


if __name__ == "__main__":
    main()
