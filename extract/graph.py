"""The item graph on local workers: Dask runs one task a chunk of items, in processes that may die without harm."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

from fmn.errors import BadItem, InputError
from fmn.item import Item
from fmn.workers import ENVIRONMENT, Task, deaf_children

from .fitting.train_part import Map

IN_FLIGHT = 3  # chunks a worker has waiting: enough to stay busy, few enough to lose little
_ENVIRONMENT = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in ENVIRONMENT.items()}


@contextmanager
def mapper(workers: int) -> Iterator[Map]:
    """`run_items` on local workers, which start when the first task comes: a rerun that finds all done needs none.

    0 workers: in this process, for a debugger or a handful of items; a crash of a decoder is then a crash of it all.
    """
    if not workers:
        yield _here
        return
    clients: list[Client] = []
    with ExitStack() as stack:

        def run(task: Task, items: Sequence[Item], chunk: int) -> Iterator[list[tuple[Item, Any]]]:
            if not clients:
                clients.append(stack.enter_context(local_workers(workers)))
            yield from run_items(clients[0], task, items, chunk)

        yield run


@contextmanager
def local_workers(workers: int) -> Iterator[Client]:
    """A Dask client on `workers` local processes, which have the environment of all our workers (`fmn.workers`)."""
    # A worker that dies is reported as its item's failure, in a sentence; Dask's own log lines would only repeat it.
    with ExitStack() as stack:
        with deaf_children(), dask.config.set(_ENVIRONMENT):
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    # None would still serve, on Dask's usual port, and warn where that is taken.
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
            )
            client = stack.enter_context(Client(cluster))
        yield client


def run_items(client: Client, task: Task, items: Sequence[Item], chunk: int) -> Iterator[list[tuple[Item, Any]]]:
    """Run `task` over `items` in chunks and yield what is ready, in the order in which it becomes ready.

    Yields:
        Lists of (item, result): the result is what the task returned for it, or a BadItem that says what went wrong.
        A chunk that fails as a whole is taken apart, so that a crash (a decoder's fault, out of memory) costs one item.
    """
    waiting = deque(tuple(items[start : start + chunk]) for start in range(0, len(items), chunk))
    if not waiting:
        return
    limit = IN_FLIGHT * max(1, len(client.scheduler_info()["workers"]))
    at: dict[Future, tuple[Item, ...]] = {}
    ready = as_completed(raise_errors=False)

    def submit() -> None:
        if waiting:
            part = waiting.popleft()
            future = client.submit(task, part, pure=False, retries=0)
            at[future] = part
            ready.add(future)

    for _ in range(limit):
        submit()
    for batch in ready.batches():
        done: list[tuple[Item, Any]] = []
        for future in batch:
            part = at.pop(future)
            if future.status == "finished":
                done += zip(part, future.result(), strict=True)
            elif len(part) > 1:
                waiting.extendleft((item,) for item in reversed(part))  # one by one: find the one that did it
            else:
                done.append((part[0], BadItem(_reason(future.exception()))))
            future.release()
            submit()
        while waiting and len(at) < limit:
            submit()
        yield done


def _here(task: Task, items: Sequence[Item], chunk: int) -> Iterator[list[tuple[Item, Any]]]:
    """`run_items` without workers: one chunk after the other, in order."""
    for start in range(0, len(items), chunk):
        part = tuple(items[start : start + chunk])
        try:
            done = list(zip(part, task(part), strict=True))
        except Exception as error:  # one item's fault is not the run's end
            if len(part) > 1:
                yield from _here(task, part, 1)
                continue
            done = [(part[0], BadItem(_reason(error)))]
        yield done


def _reason(error: BaseException) -> str:
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, KilledWorker):
        return "the worker process died while reading it (a crash in the decoder, or out of memory)"
    return f"unexpected {type(error).__name__}: {error}"
