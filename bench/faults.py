"""What crashing, hanging and memory-eating items do to their neighbours: runs of 60 items, of which one to five do it.

    python bench/faults.py --runs 30 --out docs/results/faults.csv

Real workers, 1, 2 and 3 in turn; the faults, their kinds and places are drawn by the run's number. An item is silent
for 4 s, or takes 0.5 GiB, before it is given up. A line a run: what was drawn, whether every sound item has the result
that it has without faults, how many sound items were blamed, whether every fault was named, seconds. A run that takes
more than ten minutes counts as hung.
"""

import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
from reliability import record

from fmn.child import GIB, Limits
from fmn.errors import BadItem
from fmn.extract.graph import local_workers, run_items
from fmn.item import Item
from fmn.tables import as_csv

TASK = """
import os, time

def work(items):
    for item in items:
        if item.id.startswith("crash"):
            os.abort()
        if item.id.startswith("hang"):
            time.sleep(3600)
        if item.id.startswith("eat"):
            list(range(10**9))
    return [sum(map(ord, item.id)) for item in items]
"""
KINDS = ("crash", "hang", "eat")
ITEMS, CHUNK, MOST_SECONDS = 60, 4, 600
LIMITS = Limits(stall=4.0, memory=GIB // 2)


def one(number, workers, folder, answers):
    """A run, in a process of its own that can be given up."""
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder
    task = importlib.import_module("bench_faulty_items").work
    random = np.random.default_rng(number)
    names = [f"sound{place}" for place in range(ITEMS)]
    bad = sorted(random.choice(ITEMS, int(random.integers(1, 6)), replace=False).tolist())
    for place in bad:
        names[place] = f"{random.choice(KINDS)}{place}"
    items = [Item(name, "audio", "/none") for name in names]
    with local_workers(workers) as client:
        found = {item.id: result for batch in run_items(client, task, items, CHUNK, LIMITS) for item, result in batch}
    sound = [name for name in names if name.startswith("sound")]
    answers.put(
        {
            "faults": " ".join(names[place].rstrip("0123456789") for place in bad),
            "equal": all(found.get(name) == sum(map(ord, name)) for name in sound),
            "sound items blamed": sum(isinstance(found.get(name), BadItem) for name in sound),
            "faults named": all(isinstance(found.get(names[place]), BadItem) for place in bad),
        }
    )


def told(number, folder):
    """A run's line: what a process of its own says of it, given up after ten minutes."""
    context = multiprocessing.get_context("spawn")
    workers, answers, began = 1 + number % 3, context.Queue(), time.monotonic()
    process = context.Process(target=one, args=(number, workers, folder, answers))
    process.start()
    process.join(MOST_SECONDS)
    hung = process.is_alive()
    if hung:
        process.kill()
    found = {} if hung or process.exitcode else answers.get(timeout=30)
    line = {"run": number, "workers": workers, "hung": hung, "exit code": process.exitcode, **found}
    return {**line, "seconds": round(time.monotonic() - began, 1)}


@click.command()
@click.option("--runs", default=200, show_default=True)
@click.option("--jobs", default=3, show_default=True, help="Runs at a time: they chiefly wait.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A line a run.")
@click.option("--table", type=click.Path(path_type=Path), help="The table to put the count into.")
def main(runs, jobs, out, table):
    """Run them."""
    began, lines = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        (Path(folder) / "bench_faulty_items.py").write_text(TASK)
        for line in pool.map(lambda number: told(number, folder), range(runs)):
            lines.append(line)
            click.echo(line)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(max(lines, key=len)), lines, newline="\n"), encoding="utf-8")
    good = sum(
        bool(line.get("equal") and line.get("faults named")) and not line["sound items blamed"] for line in lines
    )
    bad, hung = sum(len(line.get("faults", "").split()) for line in lines), sum(line["hung"] for line in lines)
    click.echo(f"{good} of {runs} runs: every sound item as without faults, and none of them blamed.")
    if table:
        said = f"of 60 items on 1 to 3 workers; {bad} items crashed, hung or ate memory, {hung} runs hung"
        command = f"bench/faults.py --runs {runs} --jobs {jobs}"
        record(table, "bad items among sound ones", runs, runs - good, said, time.monotonic() - began, command)


if __name__ == "__main__":
    main()
