"""The item graph on local workers or a cluster: Dask runs one task a chunk of items, in processes that may die."""

import functools
import logging
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import dask
from distributed import Client, Future, LocalCluster, Worker, wait
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.core import CommClosedError
from distributed.diskutils import WorkSpace
from distributed.scheduler import KilledWorker

from fmn.child import Limits
from fmn.errors import BadItem, InputError, NotWritten, first_line
from fmn.item import Item
from fmn.progress import Silence, Watcher
from fmn.stopping import later
from fmn.threads import one_thread
from fmn.workers import ENVIRONMENT, Task, check_workers, deaf_children

from .cluster import Crew, ask, cluster, shared_paths
from .fetched import any_fetched, on_files
from .fitting.train_part import Map
from .guard import guard, packed, reason

IN_FLIGHT = 3  # chunks a worker has waiting: enough to stay busy, few enough to lose little
POLL = 2.0  # seconds between two looks at the workers
TOGETHER = 32  # results that are fetched at once: some are megabytes
GATHER = 10.0  # seconds for them
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
            shared = shared_paths(str((cache or Path()).resolve()), items) if scheduler else None
            yield from run_items(clients[0], task, items, chunk, limits, stop, Crew(clients[0], watcher, shared))

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
    crew: Crew | None = None,
) -> Iterator[list[tuple[Item, Any]]]:
    """Run `task` over `items` in chunks and yield what is ready, in the order in which it becomes ready.

    What a worker loses is computed again; workers that die come back by themselves. Once `stop` says so nothing more is
    begun, and what is in flight ends it.

    Yields:
        Lists of (item, result): the result is what the task returned for it, or a BadItem that says what went wrong
        (`fmn.extract.guard`).

    Raises:
        InputError: no worker is left, and none comes back; the scheduler is gone.
        NotWritten: a task could not write.
    """
    guarded = functools.partial(guard, packed(task), limits=limits or Limits(), run=client.id)
    try:
        yield from flow(client, guarded, items, chunk, stop, crew or Crew(client))
    except (FuturesCancelledError, CommClosedError, OSError) as error:
        raise InputError(
            f"The Dask scheduler is gone ({first_line(error)[:200]}). What is finished is kept: run the same command "
            "again."
        ) from None


class _Sent(NamedTuple):
    """A chunk in flight. to: addresses that it is kept to, None where all will do."""

    part: tuple[Item, ...]
    to: list[str] | None


def flow(
    client: Client,
    work: Callable[[Sequence[Item]], list[Any]],
    items: Sequence[Item],
    chunk: int,
    stop: Callable[[], bool],
    crew: Crew,
) -> Iterator[list[tuple[Item, Any]]]:
    """`run_items` of any function that travels; the errors of a scheduler that is gone are Dask's own."""
    waiting = deque(tuple(items[start : start + chunk]) for start in range(0, len(items), chunk))
    at: dict[Future, _Sent] = {}
    lost: Counter[tuple[Item, ...]] = Counter()
    seen = time.monotonic()
    trimmed = False
    crewed = crew.fit
    while at or (waiting and not stop()):
        threads = crew.look()
        if crew.fit != crewed:
            crewed, here = crew.fit, set(crew.fit)
            for future in [future for future, sent in at.items() if sent.to and here.isdisjoint(sent.to)]:
                waiting.appendleft(at.pop(future).part)  # the workers that it was kept to are gone
                future.cancel()
        to = crew.only()
        room = IN_FLIGHT * max(1, threads) - len(at) if to != [] and not stop() else 0
        if parts := [waiting.popleft() for _ in range(min(room, len(waiting)))]:
            # All at once: the scheduler takes as long for one graph of a task as for one of a hundred.
            at |= {
                future: _Sent(part, to)
                for future, part in zip(client.map(work, parts, pure=False, workers=to), parts, strict=True)
            }
        if stop() and not trimmed:
            trimmed = True
            for future in _not_begun(client, at):
                at.pop(future)
                future.cancel()
        ready = _finished(list(at))
        if threads or ready:
            seen = time.monotonic()
        elif time.monotonic() - seen > PATIENCE:
            raise InputError(
                f"No worker process is left, and none came back within {PATIENCE:.0f} s. What is finished is kept: run "
                "the same command again, with fewer --workers if it happens again."
            )
        done: list[tuple[Item, Any]] = []
        for future, result in _results(client, ready):
            if isinstance(result, TimeoutError):
                continue  # the worker that held it died: the scheduler has it computed again
            part = at.pop(future).part
            if isinstance(result, KilledWorker | FutureCancelledError):
                lost[part] += 1
                if lost[part] > MOST_LOST:
                    said = f"its worker process died {lost[part]} times ({result})"
                    done += [(item, BadItem(said)) for item in part]
                else:
                    waiting.appendleft(part)
            elif isinstance(result, NotWritten | FuturesCancelledError | CommClosedError | OSError):
                raise result
            elif isinstance(result, Exception):  # the guard's own: an argument that cannot travel, say
                done += [(item, BadItem(reason(result))) for item in part]
            else:
                done += zip(part, result, strict=True)
            future.release()
        if done:
            yield done


def _results(client: Client, futures: Sequence[Future]) -> Iterator[tuple[Future, Any]]:
    """Each future that is over, and what it has come to, or raised; a TimeoutError where that is not to be had for now.

    Several are fetched together: one after the other, each would take the way to its worker and back.
    """
    for start in range(0, len(futures), TOGETHER):
        part = futures[start : start + TOGETHER]
        try:
            found = client.sync(_together, client, part, callback_timeout=GATHER)
        except Exception:  # one of them failed, or was lost meanwhile
            found = [_result(future) for future in part]
        yield from zip(part, found, strict=True)


async def _together(client: Client, futures: Sequence[Future]) -> Sequence[Any]:
    found: Sequence[Any] = await client.gather(list(futures), asynchronous=True)
    return found


def _result(future: Future) -> Any:
    try:
        return future.result(timeout=POLL)
    except Exception as error:
        return error


def _not_begun(client: Client, futures: Iterable[Future]) -> list[Future]:
    """Those that lie with a worker and wait."""
    try:
        told = ask(client, _executing).values()
    except TimeoutError:
        return []  # a worker that does not answer may be at any of them
    running = {str(key) for keys in told if not isinstance(keys, Exception) for key in keys}
    return [future for future in futures if not future.done() and str(future.key) not in running]


def _executing(dask_worker: Worker) -> list[str]:
    return [str(task.key) for task in dask_worker.state.executing]


def _finished(futures: Sequence[Future]) -> list[Future]:
    """Those that are over by now; waits for POLL seconds at most until there is one."""
    if not futures:  # nobody is there to be given any
        time.sleep(POLL)
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
            with one_thread(), _folder(part) as folder:
                done = list(zip(part, on_files(task, part, folder), strict=True))
        except NotWritten:
            raise
        except Exception as error:  # one item's fault is not the run's end
            if len(part) > 1:
                yield from _here(task, part, 1, stop)
                continue
            done = [(part[0], BadItem(reason(error)))]
        yield done


@contextmanager
def _folder(items: Sequence[Item]) -> Iterator[Path | None]:
    """Where files are fetched to, beside the folders of Dask's workers: what a killed process leaves there is cleared
    away by the next one."""
    if not any_fetched(items):
        yield None
        return
    made = WorkSpace(str(Path(tempfile.gettempdir(), "dask-scratch-space"))).new_work_dir(prefix="fmn-fetched-")
    try:
        yield Path(made.dir_path)
    finally:
        made.release()
