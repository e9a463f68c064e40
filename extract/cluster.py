"""A Dask cluster that somebody else started: reached, looked at, and given back as it was."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from distributed import Client
from distributed.comm.core import CommClosedError

import fmn
from fmn.errors import InputError, first_line
from fmn.item import Item
from fmn.media import names
from fmn.progress import Watcher

from .guard import close_children

CONNECT = 30.0  # seconds for the scheduler to answer
COME = 120.0  # seconds for a first worker to come
LOOKED_AT = 5  # items whose paths every worker is asked for


@contextmanager
def cluster(address: str, watcher: Watcher) -> Iterator[Client]:
    """A client of the scheduler at `address`, "tcp://HOST:PORT" or the path of a scheduler file.

    Raises:
        InputError: nobody answers there, no worker comes, or a worker lacks fmn.
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
        try:
            versions = client.run(_version)
        except Exception as error:
            raise InputError(f"Every worker of {address} needs fmn {fmn.__version__} installed: {error}.") from None
        other = sorted({version for version in versions.values() if version != fmn.__version__})
        watcher.say(
            f"{len(versions)} workers at {address}"
            + (f"; some have fmn {', '.join(other)} and not {fmn.__version__}" if other else "")
            + "."
        )
        try:
            yield client
        finally:
            with suppress(OSError, CommClosedError, TimeoutError):
                client.run(close_children, client.id, on_error="return")


def check_seen(client: Client, folder: str, items: Sequence[Item]) -> None:
    """Raise InputError unless every worker sees the cache's folder and the first items' files under the same paths."""
    paths = [folder, *(item.path for item in items[:LOOKED_AT] if os.path.exists(item.path))]
    lacking = {worker: missing for worker, missing in client.run(_missing, paths).items() if missing}
    if lacking:
        worker, missing = min(lacking.items())
        raise InputError(
            f"Workers read media and weights from a folder that all machines share under the same path; {worker} does "
            f"not see {names(missing)}. Mount it there, or start the workers where it is."
        )


def _version() -> str:
    return fmn.__version__


def _missing(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if not os.path.exists(path)]
