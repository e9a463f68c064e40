"""The item graph on local workers or a cluster: Dask runs one task a chunk of items, in processes that may die."""

import functools
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, Worker, wait
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from fmn.child import Limits
from fmn.errors import BadItem, InputError, NotWritten, first_line
from fmn.item import Item
from fmn.progress import Silence, Watcher
from fmn.stopping import later
from fmn.threads import one_thread
from fmn.workers import ENVIRONMENT, Task, check_workers, deaf_children

from .cluster import check_seen, cluster
from .fitting.train_part import Map
from .guard import guard, packed, reason

IN_FLIGHT = 3  # chunks a worker has waiting: enough to stay busy, few enough to lose little
POLL = 2.0  # seconds between two looks at the workers
PATIENCE = 60.0  # seconds that workers have to come back
MOST_LOST = 3  # times that a chunk's worker may be killed from outside
_CONFIG = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in ENVIRONMENT.items()}


@contextmanager
def mapper(
    workers: int,
    limits: Limits | None = None,
    scheduler: str = "",
    cache: Path | None = None,
    watcher: Watcher | None = None,
) -> Iterator[Map]:
    """`run_items` on local workers, which start when the first task comes: a rerun that finds all done needs none.

    0 workers: in this process, for a debugger or a handful of items; a crash of a decoder is then a crash of it all,
    and nobody watches its memory. scheduler: of a cluster that works in place of the local workers
    (`fmn.extract.cluster`); its workers see `cache` and the items' files under the same paths.

    Raises:
        InputError: more workers than can be started here.
    """
    check_workers(workers, 0)
    if not workers and not scheduler:
        yield _here
        return
    clients: list[Client] = []
    with ExitStack() as stack:

        def run(
            task: Task, items: Sequence[Item], chunk: int, stop: Callable[[], bool] = lambda: False
        ) -> Iterator[list[tuple[Item, Any]]]:
            if not clients:
                found = cluster(scheduler, watcher or Silence()) if scheduler else local_workers(workers)
                clients.append(stack.enter_context(found))
            if scheduler:
                check_seen(clients[0], str((cache or Path()).resolve()), items)
            yield from run_items(clients[0], task, items, chunk, limits, stop)

        yield run


@contextmanager
def local_workers(workers: int) -> Iterator[Client]:
    """A Dask client on `workers` local processes, which have the environment of all our workers (`fmn.workers`)."""
    # A worker that dies is reported as its item's failure, in a sentence; Dask's own log lines would only repeat it.
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_CONFIG))  # for as long as workers may be started again
        with later(), deaf_children():  # a cluster that is half there cannot be ended
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


def run_items(
    client: Client,
    task: Task,
    items: Sequence[Item],
    chunk: int,
    limits: Limits | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[list[tuple[Item, Any]]]:
    """Run `task` over `items` in chunks and yield what is ready, in the order in which it becomes ready.

    What a worker loses is computed again; workers that die come back by themselves. Once `stop` says so nothing more is
    begun, and what is in flight ends it.

    Yields:
        Lists of (item, result): the result is what the task returned for it, or a BadItem that says what went wrong
        (`fmn.extract.guard`).

    Raises:
        InputError: no worker is left, and none comes back.
        NotWritten: a task could not write.
    """
    try:
        yield from _run_items(client, task, items, chunk, limits, stop)
    except (FuturesCancelledError, CommClosedError, OSError) as error:
        raise InputError(
            f"The Dask scheduler is gone ({first_line(error)[:200]}). What is finished is kept: run the same command "
            "again."
        ) from None


def _run_items(
    client: Client,
    task: Task,
    items: Sequence[Item],
    chunk: int,
    limits: Limits | None,
    stop: Callable[[], bool],
) -> Iterator[list[tuple[Item, Any]]]:
    guarded = functools.partial(guard, packed(task), limits=limits or Limits(), run=client.id)
    waiting = deque(tuple(items[start : start + chunk]) for start in range(0, len(items), chunk))
    at: dict[Future, tuple[Item, ...]] = {}
    lost: Counter[tuple[Item, ...]] = Counter()
    seen = time.monotonic()
    trimmed = False
    while at or (waiting and not stop()):
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        while waiting and not stop() and len(at) < IN_FLIGHT * max(1, workers):
            part = waiting.popleft()
            at[client.submit(guarded, part, pure=False)] = part
        if stop() and not trimmed:
            trimmed = True
            for future in _not_begun(client, at):
                at.pop(future)
                future.cancel()
        ready = _finished(list(at))
        if workers or ready:
            seen = time.monotonic()
        elif time.monotonic() - seen > PATIENCE:
            raise InputError(
                f"No worker process is left, and none came back within {PATIENCE:.0f} s. What is finished is kept: run "
                "the same command again, with fewer --workers if it happens again."
            )
        done: list[tuple[Item, Any]] = []
        for future in ready:
            part = at.pop(future)
            try:
                done += zip(part, future.result(timeout=POLL), strict=True)
            except TimeoutError:
                at[future] = part  # the worker that held it died: the scheduler has it computed again
                continue
            except (KilledWorker, FutureCancelledError) as error:
                lost[part] += 1
                if lost[part] > MOST_LOST:
                    done += [(item, BadItem(f"its worker process died {lost[part]} times ({error})")) for item in part]
                else:
                    waiting.appendleft(part)
            except NotWritten:
                raise
            except Exception as error:  # the guard's own: an argument that cannot travel, say
                done += [(item, BadItem(reason(error))) for item in part]
            future.release()
        if done:
            yield done


def _not_begun(client: Client, futures: Iterable[Future]) -> list[Future]:
    """Those that lie with a worker and wait."""
    running = {str(key) for keys in client.run(_executing, on_error="ignore").values() for key in keys}
    return [future for future in futures if not future.done() and str(future.key) not in running]


def _executing(dask_worker: Worker) -> list[str]:
    return [str(task.key) for task in dask_worker.state.executing]


def _finished(futures: Sequence[Future]) -> list[Future]:
    """Those that are over by now; waits for POLL seconds at most until there is one."""
    with suppress(TimeoutError):
        wait(futures, timeout=POLL, return_when="FIRST_COMPLETED")
    return [future for future in futures if future.done()]


def _here(
    task: Task, items: Sequence[Item], chunk: int, stop: Callable[[], bool] = lambda: False
) -> Iterator[list[tuple[Item, Any]]]:
    """`run_items` without workers: one chunk after the other, in order."""
    for start in range(0, len(items), chunk):
        if stop():
            return
        part = tuple(items[start : start + chunk])
        try:
            with one_thread():
                done = list(zip(part, task(part), strict=True))
        except NotWritten:
            raise
        except Exception as error:  # one item's fault is not the run's end
            if len(part) > 1:
                yield from _here(task, part, 1, stop)
                continue
            done = [(part[0], BadItem(reason(error)))]
        yield done
