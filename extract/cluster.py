"""A Dask cluster that somebody else started: reached, looked at, and given back as it was."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from distributed import Client
from distributed.comm.core import CommClosedError

import fmn
from fmn.errors import InputError, first_line
from fmn.item import Item
from fmn.media import is_url, names
from fmn.progress import Silence, Watcher
from fmn.stores import check_stores

from .guard import close_children

CONNECT = 30.0  # seconds for the scheduler to answer
COME = 120.0  # seconds for a first worker to come
ANSWER = 60.0  # seconds for every worker to answer a question
LOOK = 1.0  # seconds between two looks at who is there: the scheduler tells a lot of each
LOOKED_AT = 5  # items whose paths every worker is asked for


@contextmanager
def cluster(address: str, watcher: Watcher) -> Iterator[Client]:
    """A client of the scheduler at `address`, "tcp://HOST:PORT" or the path of a scheduler file.

    Raises:
        InputError: nobody answers there, or no worker comes.
    """
    where = {"address": address} if "://" in address else {"scheduler_file": address}
    until = time.monotonic() + CONNECT  # a scheduler that was started along with this may still be on its way
    while "scheduler_file" in where and not os.path.isfile(address):
        if time.monotonic() > until:
            raise InputError(
                f"A Dask scheduler writes its address into a file; there was none at {address} for {CONNECT:.0f} s."
            )
        time.sleep(0.1)
    try:
        client = Client(**where, timeout=CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"A Dask scheduler must answer at {address}; none did within {CONNECT:.0f} s ({first_line(error)})."
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said in sentences
    with client:
        try:
            client.wait_for_workers(1, timeout=COME)
        except TimeoutError:
            raise InputError(f"A cluster needs a worker; {address} had none within {COME:.0f} s.") from None
        found = client.scheduler_info(n_workers=-1)["workers"]
        watcher.say(f"{len(found)} workers at {address}.")
        try:
            yield client
        finally:
            with suppress(OSError, CommClosedError, TimeoutError):
                ask(client, close_children, client.id)


def ask(client: Client, function: Callable[..., Any], *given: Any, workers: list[str] | None = None) -> dict[str, Any]:
    """What each worker answers, by its address; an exception in the place of an answer.

    Raises:
        TimeoutError: not all have answered within a minute.
    """
    found: dict[str, Any] = client.run(function, *given, workers=workers, on_error="return", callback_timeout=ANSWER)
    return found


class Crew:
    """The workers that are given items: all local ones, and those of a cluster that can do them.

    Each of a cluster is asked once, when it is first seen, whether it has fmn and sees the shared folders. One of the
    first that does not is an error; one that joins later is named and left out.
    """

    def __init__(self, client: Client, watcher: Watcher | None = None, shared: Sequence[str] | None = None) -> None:
        """watcher: is told who is left out. shared: paths that every worker must see; None asks nobody."""
        self._client, self._watcher, self._shared = client, watcher or Silence(), shared
        self._asked: dict[str, str] = {}  # address -> what it lacks
        self._looked = -LOOK
        self.threads = 0
        self.fit: tuple[str, ...] = ()
        if shared is not None:
            self._look()
            for worker, lacks in sorted(self._asked.items()):
                if lacks:
                    raise InputError(f"{worker} {lacks}")

    def look(self) -> int:
        """How many threads there are to do items. `fit`: the addresses of their workers, renewed once a second."""
        if time.monotonic() - self._looked > LOOK:
            self._look()
        return self.threads

    def only(self) -> list[str] | None:
        """Workers that a task is to be kept to, None where all will do."""
        return None if self._shared is None else list(self.fit)

    def _look(self) -> None:
        there = self._client.scheduler_info(n_workers=-1)["workers"]
        if self._shared is not None:
            self._ask([address for address in there if address not in self._asked])
        self.fit = tuple(sorted(address for address in there if not self._asked.get(address)))
        self.threads = sum(there[address].get("nthreads", 1) for address in self.fit)
        self._looked = time.monotonic()

    def _ask(self, new: list[str]) -> None:
        first, versions = not self._asked, set()
        try:
            told = ask(self._client, _seen, list(self._shared or ()), workers=new) if new else {}
        except TimeoutError:
            told = {}
        for address in new:
            answer = told.get(address, TimeoutError())
            self._asked[address] = _lacks(answer)
            if isinstance(answer, tuple):
                versions.add(answer[0])
            if self._asked[address] and not first:
                self._watcher.say(f"A worker that joined gets no items: {address} {self._asked[address]}")
        if other := sorted(versions - {fmn.__version__}):
            self._watcher.say(f"Some workers have fmn {', '.join(other)} and not {fmn.__version__}.")


def shared_paths(folder: str, items: Sequence[Item]) -> list[str]:
    """What every worker must see: the cache's folder, of the first items' files those that are here, and an address of
    each kind of store."""
    stores = {item.path.split("://")[0]: item.path for item in items if is_url(item.path)}
    return [folder, *(item.path for item in items[:LOOKED_AT] if os.path.exists(item.path)), *stores.values()]


def _lacks(answer: Any) -> str:
    """What follows a worker's address in a sentence; "" for one that can do items."""
    if isinstance(answer, TimeoutError):
        return f"did not answer within {ANSWER:.0f} s."
    if isinstance(answer, InputError):
        return f"cannot use a store: {answer}"
    if isinstance(answer, Exception):
        return f"needs fmn {fmn.__version__} installed ({first_line(answer)})."
    _, missing = answer
    if missing:
        return (
            f"does not see {names(missing)}. Workers read media and weights from a folder that all machines share "
            "under the same path: mount it there, or start the workers where it is."
        )
    return ""


def _seen(paths: Sequence[str]) -> tuple[str, list[str]]:
    """fmn's version here, and which of the paths are not. InputError where a kind of store cannot be used here."""
    check_stores(paths)
    return fmn.__version__, [path for path in paths if not is_url(path) and not os.path.exists(path)]
