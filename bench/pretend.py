"""What client, writer and scheduler hold: many workers that only pretend to encode.

    python bench/pretend.py --out docs/results/pretend.csv

The loop of the client, the one writer of a cache and a scheduler of its own process are the real ones; the workers
share one process, sleep for the time that an item is said to take, and return vectors of 2048 numbers. A line for each
number of workers, time an item and chunk: items a second that were committed, the share of what the workers alone could
do, processor milliseconds an item of the client without the writer, of the writer, of the scheduler and of all the
pretended workers, and memory of client and scheduler in MB. The milliseconds say where it bends on another machine:
1000 divided by the larger of client with writer and scheduler is the most items a second. The first items are not
counted. On one core all of these processes take turns.
"""

import asyncio
import functools
import importlib
import multiprocessing
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import psutil
from distributed import Worker

from fmn.cache import CacheWriter, EncoderRecord, Row
from fmn.errors import BadItem
from fmn.extract.cluster import Crew, cluster
from fmn.extract.graph import flow
from fmn.item import Item
from fmn.progress import Silence
from fmn.tables import as_csv

DIM = 2048


def pretend(items, seconds):
    """The rows of items that take a while."""
    time.sleep(seconds * len(items))
    return [Row(item, np.full(DIM, len(item.id), np.float32), seconds=10.0, windows=4, repeated=0) for item in items]


def many_workers(file, count):
    """`count` workers of one thread in this process, until it is ended."""

    async def serve():
        made = [Worker(scheduler_file=file, nthreads=1, dashboard=False, heartbeat_interval="5s") for _ in range(count)]
        await asyncio.gather(*made)
        await asyncio.gather(*(worker.finished() for worker in made))

    asyncio.run(serve())


def used(process):
    times = process.cpu_times()
    return times.user + times.system


def measure(folder, count, seconds, chunk, last):
    """A line of the table."""
    file = folder / f"scheduler-{count}-{seconds}-{chunk}.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    scheduler = subprocess.Popen([*dask, "--scheduler-file", str(file)], stderr=subprocess.DEVNULL)
    while not file.exists():
        time.sleep(0.1)
    # By its own name: this file's functions travel to the workers.
    here = importlib.import_module("bench.pretend")
    workers = multiprocessing.get_context("spawn").Process(target=here.many_workers, args=(str(file), count))
    workers.start()
    items = [Item(f"clip{n:07d}", "video", f"/archive/{n:07d}.mp4") for n in range(int(3 * last * count / seconds) + 1)]
    try:
        with cluster(str(file), Silence()) as client, CacheWriter(folder / f"{count}-{seconds}-{chunk}") as writer:
            client.wait_for_workers(count, timeout=120)
            writer.declare(EncoderRecord("video", "pretend", DIM, {}, {"source": "none", "sha256": {}}))
            crew = Crew(client, None, [str(folder)])
            batches = flow(client, functools.partial(here.pretend, seconds=seconds), items, chunk, lambda: False, crew)
            first = next(batches)
            if bad := [str(row) for _, row in first if isinstance(row, BadItem)]:
                raise click.ClickException(bad[0])
            writer.add("pretend", [row for _, row in first])  # now all of them are at work
            seen = [psutil.Process(pid) for pid in (None, scheduler.pid, workers.pid)]
            writing, done, began, before = 0.0, 0, time.monotonic(), [*map(used, seen)]
            for batch in batches:
                if bad := [str(row) for _, row in batch if isinstance(row, BadItem)]:
                    raise click.ClickException(bad[0])
                start = time.process_time()
                writer.add("pretend", [row for _, row in batch])
                writing += time.process_time() - start
                done += len(batch)
                if time.monotonic() - began > last:
                    break
            rate = done / (time.monotonic() - began)
            spent = [1000 * (used(process) - first) / done for process, first in zip(seen, before, strict=True)]
            return {
                "workers": count,
                "seconds an item": seconds,
                "chunk": chunk,
                "items/s": round(rate, 1),
                "of the workers' own": round(rate * seconds / count, 3),
                "client ms": round(spent[0] - 1000 * writing / done, 2),
                "writer ms": round(1000 * writing / done, 2),
                "scheduler ms": round(spent[1], 2),
                "workers ms": round(spent[2], 2),
                "client MB": round(seen[0].memory_info().rss / 1e6),
                "scheduler MB": round(seen[1].memory_info().rss / 1e6),
            }
    finally:
        workers.kill()
        scheduler.kill()
        workers.join()
        scheduler.wait()


@click.command()
@click.option("--workers", default="10,30,100", show_default=True)
@click.option("--seconds", default="0.1,1", show_default=True, help="That an item takes.")
@click.option("--chunk", default=1, show_default=True, help="Items of a task.")
@click.option("--last", default=8.0, show_default=True, help="Seconds that each line is measured.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(workers, seconds, chunk, last, out):
    """Measure each number of workers with each time an item."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, workers.split(",")):
            for each in map(float, seconds.split(",")):
                lines.append(measure(Path(folder), count, each, chunk, last))
                click.echo(lines[-1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(as_csv(list(lines[0]), lines, newline="\n"), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the workers
    main()
