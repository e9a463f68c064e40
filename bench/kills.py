"""Kill -9 at random moments: nothing is lost, nothing stands twice, and the same command ends in the same results.

    python bench/kills.py --runs 100

An extraction (16 clips, 64 recordings), a training (of a memory and, every other time, by descent) and a comparison are
begun, their whole process group is killed at a moment drawn evenly over the time that they take undisturbed, and the
same command is given again. Then single processes of extractions on two workers are killed, four a run, while the run
goes on; and Ctrl-C or SIGTERM is sent to a command or to all of its group.

Wrong is a run after which the cache is not sound, an item is missing, stands twice or was blamed, the command does not
end well, or a vector, a weight or a row of the table differs from an undisturbed run in any bit; of signals also
another exit code than 0, 130 and 143, and a traceback.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path
from signal import SIGINT, SIGTERM

import click
import numpy as np
import psutil
from forked import Running, extraction, features, imported, make_media, run, sound, weights
from reliability import record

KILLS = 4  # of single processes, a run
SYSTEMS = "CCA,SM,FMN"
TOLD = {
    "extracted": ("kill -9 of an extraction", "the whole group, then the same command: equal vectors, none twice"),
    "trained": ("kill -9 of a training", "the whole group, then the same command: equal weights"),
    "compared": ("kill -9 of a comparison", "the whole group, then the same command: an equal table"),
    "workers": ("kill -9 of single workers", "of an extraction on two, which goes on: equal vectors, nobody blamed"),
    "signals": ("Ctrl-C and SIGTERM", "to one or to all: 0, 130 or 143, no traceback, then equal results"),
}


def killed(words, draw, seconds):
    """Begin a command and kill its group; whether it was still at it."""
    begun = Running(*words)
    until = begun.began + draw.uniform(0, seconds)
    while time.monotonic() < until and begun.running():
        time.sleep(0.002)
    there = begun.running()
    if there:
        begun.kill()
    begun.end()
    return there


def signalled(words, draw, seconds):
    """Begin a command and send it a signal, or all of its group; "" or what is wrong with its end."""
    begun, number, to_all = Running(*words), int(draw.choice([SIGINT, SIGTERM])), bool(draw.integers(2))
    until = begun.began + draw.uniform(0, seconds)
    while time.monotonic() < until and begun.running():
        time.sleep(0.002)
    if begun.running():
        begun.send(number, to_all)
    ended = begun.end()
    good = ended.code in (0, 128 + number) and not ended.is_a_defect
    return "" if good else f"signal {number}{' to all' * to_all}: {ended.code}: {ended.said[-2000:]}"


def trained(media, folder, number):
    """The words of a training, and what it leaves."""
    how = ("--as-printed", "--epochs", 12, "--common", 64) if number % 2 else ()
    return ("fmn-train", media / "cache", "--run", folder / "run", *how), lambda: weights(folder / "run")


def compared(media, folder, number):
    """The words of a comparison, every tenth one in two processes, and what it leaves."""
    workers = 1 if number % 10 else 2
    words = ("fmn-compare", media / "cache", "--out", folder / "out", "--only", SYSTEMS, "--seeds", 1)
    return (*words, "--audio-encoder", "vmnet", "--workers", workers), lambda: (
        folder / "out" / "summary.csv"
    ).read_bytes()


def extracted(media, folder, number):
    """The words of an extraction, and what it leaves."""
    return extraction(media, folder / "cache", 1 + number % 2), lambda: features(folder / "cache")


def judged(words, left, whole, folder):
    """ "" where the same command ends well and leaves what it should. A run that was finished is not made again."""
    run_file = folder / "run" / "run.json"
    if not (run_file.is_file() and json.loads(run_file.read_text())["status"] == "finished"):
        again = run(*words)
        if again.code != 0 or again.is_a_defect:
            return f"the command then ended with {again.code}: {again.said[-300:]}"
    try:
        return "" if left() == whole else "the results differ"
    except (AssertionError, OSError) as error:
        return f"it left something else: {error}"


def group_kills(what, runs, media, scratch, draw, kill=True):
    """(how many were killed, or else stopped by a signal, at work, [what was wrong])."""
    ways, wrong, hit, number = {}, [], 0, 0
    while hit < runs and number < 3 * runs:
        folder = scratch / f"{what.__name__}-{number}"
        folder.mkdir()
        words, left = what(media, folder, number)
        kind = tuple(word for word in words if not isinstance(word, Path))
        if kind not in ways:
            whole = run(*words)
            assert whole.code == 0, whole.said
            ways[kind] = left(), whole.seconds
            shutil.rmtree(folder)
            folder.mkdir()
        said = ""
        if kill:
            hit += killed(words, draw, ways[kind][1])
        else:
            hit, said = hit + 1, signalled(words, draw, ways[kind][1])
        said = said or ("" if sound(folder / "cache") else "the cache was not sound after it")
        said = said or judged(words, left, ways[kind][0], folder)
        if said:
            wrong.append(f"{what.__name__} {number}: {said}")
            click.echo(wrong[-1])
        shutil.rmtree(folder)
        number += 1
    return hit, wrong


def worker_kills(kills, media, scratch, draw):
    """The same of single processes below an extraction, which goes on."""
    folder = scratch / "undisturbed"
    whole = run(*extraction(media, folder, 2))
    assert whole.code == 0, whole.said
    wanted, wrong, hit, number = features(folder), [], 0, 0
    while hit < kills and number < kills:
        folder = scratch / f"workers-{number}"
        begun = Running(*extraction(media, folder, 2))
        for moment in sorted(draw.uniform(0.2, 1, KILLS)) if hit < kills else ():
            while time.monotonic() < begun.began + moment * whole.seconds and begun.running():
                time.sleep(0.005)
            below = [each for each in _below(begun.pid) if "resource_tracker" not in " ".join(each.cmdline())]
            if below and hit < kills:
                below[int(draw.integers(len(below)))].kill()
                hit += 1
        ended = begun.end()
        try:
            good = ended.code == 0 and not ended.is_a_defect and sound(folder) and features(folder) == wanted
        except AssertionError as error:
            good, ended.said = False, str(error)
        if not good:
            wrong.append(f"workers {number}: {ended.code}: {ended.said[-300:]}")
            click.echo(wrong[-1])
        shutil.rmtree(folder)
        number += 1
    return hit, wrong


def _below(pid):
    found = []
    try:
        for each in psutil.Process(pid).children(recursive=True):
            each.cmdline()
            found.append(each)
    except psutil.Error:
        pass
    return found


@click.command()
@click.option("--runs", default=100, show_default=True, help="Kills of each kind.")
@click.option("--only", default=",".join(TOLD), show_default=True, help="Kinds, with commas.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results/reliability.csv"))
def main(runs, only, seed, out):
    """Run them."""
    imported()
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        media = scratch / "media"
        make_media(media, clips=4, sounds=16)
        done = run(*extraction(media, media / "cache"))
        assert done.code == 0, done.said
        for kind in only.split(","):
            draw, began = np.random.default_rng([seed, *kind.encode()]), time.monotonic()
            if kind == "workers":
                hit, wrong = worker_kills(runs, media, scratch, draw)
            elif kind == "signals":
                each = -(-runs // 3)
                of = (extracted, trained, compared)
                found = [group_kills(what, each, media, scratch, draw, kill=False) for what in of]
                hit, wrong = sum(hit for hit, _ in found), [said for _, wrong in found for said in wrong]
            else:
                hit, wrong = group_kills(globals()[kind], runs, media, scratch, draw)
            seconds = time.monotonic() - began
            click.echo(f"{TOLD[kind][0]}: {hit} kills, {len(wrong)} wrong, {seconds:.0f} s")
            record(out, TOLD[kind][0], hit, len(wrong), TOLD[kind][1], seconds, f"bench/kills.py --runs {runs}")


if __name__ == "__main__":
    main()
