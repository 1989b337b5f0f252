"""Where jobs are done: in processes of this machine, or on the workers of a Dask cluster; both look alike from here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tracemark.errors import PatrolError
from tracemark.patrol.jobs import Ended, Job
from tracemark.patrol.keeper import Keepers

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 30
"""Seconds to wait for a cluster to answer, and for its first worker."""

RECOUNT = 5.0
"""Seconds after which the workers of a cluster are counted again."""


@dataclass(frozen=True)
class Hands:
    """Something that does jobs.

    Parameters
    ----------
    submit : callable
        Takes a job, and returns a future of how it ended.
    count : callable
        Tells how many jobs are done at once, by now.
    lost : tuple of type, optional
        Exceptions that mean that whoever had a job died of it, again and again.
    """

    submit: Callable[[Job], Future[Ended]]
    count: Callable[[], int]
    lost: tuple[type[Exception], ...] = ()


@contextmanager
def local(count: int) -> Iterator[Hands]:
    """Lend processes of this machine.

    Parameters
    ----------
    count : int
        Files to look at at once.

    Yields
    ------
    Hands
    """
    keepers = Keepers()
    with ThreadPoolExecutor(count, thread_name_prefix="patrol") as threads:
        try:
            yield Hands(lambda job: threads.submit(keepers.run, job), lambda: count)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            keepers.close()  # ends what is under way: nobody is left to hear of it


@contextmanager
def cluster(address: str) -> Iterator[Hands]:
    """Lend the workers of a Dask cluster.

    They must have this version of tracemark, and see files, keys and the folder of downloads under the same names as
    this machine does. A job whose worker dies is done by another.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    Hands

    Raises
    ------
    PatrolError
        If the extra is not installed, the cluster does not answer, or it has no workers.
    """
    try:
        from distributed import Client, KilledWorker  # noqa: PLC0415 - an optional dependency, slow to import
    except ModuleNotFoundError as error:
        raise PatrolError(f"{error.name} is not installed", "pip install 'tracemark[cluster]'") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise PatrolError(
            f"no cluster answers at {address}", "start one with 'dask scheduler' and 'dask worker'"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise PatrolError(f"the cluster at {address} has no workers", "start some with 'dask worker'") from None
        # Not pure: a job that is sent again is meant to be done again.
        executor = client.get_executor(pure=False)
        yield Hands(lambda job: executor.submit(work, job), _counter(client), (KilledWorker,))


def _counter(client: Client) -> Callable[[], int]:
    """Count a cluster's threads, which come and go, but do not ask for every job."""
    known, asked = 1, -RECOUNT

    def count() -> int:
        nonlocal known, asked
        if time.monotonic() >= asked + RECOUNT:
            known, asked = max(1, sum(client.nthreads().values())), time.monotonic()
        return known

    return count


def work(job: Job) -> Ended:
    """Do a job on the worker that it was sent to, in a child of that."""
    return _keepers().run(job)


@cache
def _keepers() -> Keepers:
    return Keepers()
