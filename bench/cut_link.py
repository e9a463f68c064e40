"""A cut link and a killed worker: a scheduler and three workers, each in a network namespace of its own.

    python bench/cut_link.py --runs 3 --out docs/results/reliability.csv

As root (`unshare`, `ip`, `nsenter`): this process and the scheduler are in one namespace, each worker in its own, with
a pair of virtual cards to a bridge. Once the first items are there, the card of the first worker is taken down and
comes up again after the given time, and meanwhile the second worker is killed with all its processes. Counted is a run
that ends without all items, or whose results are not, bit for bit, those of a run without faults.
"""

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))

from reliability import record

from fmn.child import Limits
from fmn.errors import BadItem, InputError
from fmn.extract.cluster import cluster
from fmn.extract.graph import run_items
from fmn.item import Item
from fmn.progress import Silence

TASK = """
import time
import numpy as np

def work(items):
    time.sleep(0.5 * len(items))
    return [np.random.default_rng([*item.id.encode()]).normal(size=2048).astype(np.float32) for item in items]
"""
WORKERS, HERE, PORT = 3, "10.231.7.1", 8786
INSIDE = "FMN_CUT_LINK"  # set in the process that has its own namespace


def ip(*words, inside=None):
    """Run `ip`, in the namespace of a process."""
    enter = ("nsenter", "-t", str(inside), "-n") if inside else ()
    subprocess.run([*enter, "ip", *words], check=True)


def begin_worker(number, folder, log):
    """A worker that waits for its card, in a namespace of its own."""
    dask = f"exec {sys.executable} -m distributed.cli.dask_worker tcp://{HERE}:{PORT} --nthreads 1 --no-dashboard"
    script = f"read go; {dask} --local-directory {folder}/{number}"
    process = subprocess.Popen(["unshare", "-n", "sh", "-c", script], stdin=subprocess.PIPE, stdout=log, stderr=log)
    while os.readlink(f"/proc/{process.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        time.sleep(0.05)
    ip("link", "add", f"fmn{number}", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
    ip("link", "set", f"fmn{number}", "master", "fmnbridge", "up")
    ip("link", "set", "lo", "up", inside=process.pid)
    ip("addr", "add", f"10.231.7.{11 + number}/24", "dev", "eth0", inside=process.pid)
    ip("link", "set", "eth0", "up", inside=process.pid)
    process.stdin.write(b"go\n")
    process.stdin.close()
    return process


def end(process):
    """Kill a process and all below it."""
    with contextlib.suppress(psutil.Error):
        for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.Error):
                each.kill()
    process.wait()


def cut(number, seconds):
    """Take a worker's card down, and up again."""
    ip("link", "set", f"fmn{number}", "down")
    time.sleep(seconds)
    ip("link", "set", f"fmn{number}", "up")


def one(items, task, seconds, folder):
    """A run; "" or what was wrong with it."""
    (folder / "log").mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "log" / "dask").open("wb"))
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", HERE, "--port", str(PORT)]
        scheduler = subprocess.Popen([*dask, "--no-dashboard"], stdout=log, stderr=log)
        stack.callback(end, scheduler)
        workers = [begin_worker(number, folder, log) for number in range(WORKERS)]
        for process in workers:
            stack.callback(end, process)
        found, away = {}, None
        try:
            with cluster(f"tcp://{HERE}:{PORT}", Silence()) as client:
                client.wait_for_workers(WORKERS, timeout=120)
                for batch in run_items(client, task, items, 1, Limits()):
                    found.update((item.id, result) for item, result in batch)
                    if away is None:
                        away = threading.Thread(target=cut, args=(0, seconds))
                        away.start()
                        end(workers[1])
                away.join()
        except InputError as error:
            return str(error)
    wrong = [
        item.id
        for item, right in zip(items, task_here(items), strict=True)
        if isinstance(found.get(item.id), BadItem) or not np.array_equal(found.get(item.id), right)
    ]
    return f"{len(wrong)} items differ" if wrong else ""


def task_here(items):
    """What is right, without the pauses."""
    return [np.random.default_rng([*item.id.encode()]).normal(size=2048).astype(np.float32) for item in items]


@click.command()
@click.option("--runs", default=3, show_default=True)
@click.option("--items", "count", default=200, show_default=True, help="Of half a second each.")
@click.option("--seconds", default=20.0, show_default=True, help="That the link is cut.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(runs, count, seconds, out):
    """Make the runs and record how many went wrong."""
    if not os.environ.get(INSIDE):  # a namespace of our own, which goes with this process
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    ip("link", "set", "lo", "up")
    ip("link", "add", "fmnbridge", "type", "bridge")
    ip("addr", "add", f"{HERE}/24", "dev", "fmnbridge")
    ip("link", "set", "fmnbridge", "up")
    began, wrong = time.monotonic(), 0
    items = [Item(f"sound{number}", "audio", "/none") for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bench_pauses.py").write_text(TASK)
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        task = importlib.import_module("bench_pauses").work
        for number in range(runs):
            start = time.monotonic()
            said = one(items, task, seconds, Path(folder) / f"run{number}")
            wrong += bool(said)
            click.echo(f"run {number}: {said or 'complete and equal'}, {time.monotonic() - start:.0f} s")
    detail = (
        f"{count} items on three workers in three network namespaces; the link of one cut for {seconds:g} s, another "
        "killed: every item there, equal bit for bit"
    )
    command = f"python bench/cut_link.py --runs {runs} --items {count} --seconds {seconds:g} --out {out}"
    record(out, "a cut link and a killed worker", runs, wrong, detail, time.monotonic() - began, command)


if __name__ == "__main__":
    main()
