"""Work shared among the processor's cores, with results as if one of them had done it all.

numpy and OpenCV let other threads run during whatever takes them long, so threads are enough. They live no longer than
the work they share: nothing is left behind that a fork would trip over.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Event
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

Given = TypeVar("Given")
Made = TypeVar("Made")

MOST = 2
"""Threads at most: each may hold a placement's record and what is made of it, 200 MiB, and a decode has to stay under
1 GiB."""

LOOK_UP = 0.02
"""Seconds after which whoever waits looks up: a piece of work whether it is still wanted, its taker whether an
interrupt came in the moment before it slept, which would not wake it."""

_limit = MOST
_given_up: ContextVar[Event | None] = ContextVar("given_up", default=None)  # set for pieces of work alone


class GivenUpError(Exception):
    """Whoever wanted a piece of work wants it no more; it ends the piece, and nobody else sees it."""


def limit(most: int) -> None:
    """Bound the threads that this process shares its work among, for all that begins from now on.

    Where several processes decode at once, 1 keeps them from waiting for each other.

    Parameters
    ----------
    most : int
        At least 1, which starts no thread at all; more than `MOST` count as `MOST`.

    Raises
    ------
    ValueError
        If it is less.
    """
    global _limit  # noqa: PLW0603 - one setting of the process, as the cores are the process's
    if most < 1:
        raise ValueError(f"work takes one thread at least, not {most}")
    _limit = min(most, MOST)


def count() -> int:
    """Tell how many threads work is shared among: the cores that this process may use, within its limit.

    Returns
    -------
    int
        1 inside a piece of work that is shared already.
    """
    if _given_up.get() is not None:
        return 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_limit, usable)


def in_order(work: Callable[[Given], Made], given: Iterable[Given]) -> Generator[Made, None, None]:
    """Do pieces of work on all cores; results come in the order of what was given, and so do errors.

    What is given is asked for in the caller's thread, a piece for each thread ahead of the results. Where there is one
    thread only, each piece is done when its result is asked for. Close the iterator, or exhaust it, before anything
    changes that the pieces read: pieces under way end at their next `check`.

    Parameters
    ----------
    work : callable
        Of no effect but its result; it may be called from several threads at once.
    given : iterable

    Yields
    ------
    object
        What `work` made of each.
    """
    threads = count()
    with _pool(threads) as pool:
        if pool is None:
            yield from map(work, given)
            return
        given_up = Event()
        waiting: deque[Future[Made]] = deque()
        try:
            for each in given:
                waiting.append(pool.submit(copy_context().run, _piece, given_up, work, each))
                if len(waiting) > threads:
                    yield result_of(waiting.popleft())
            while waiting:
                yield result_of(waiting.popleft())
        finally:
            given_up.set()
            for future in waiting:
                future.cancel()


def both(one: Callable[[], Given], other: Callable[[], Made]) -> tuple[Given, Made]:
    """Do two pieces of work that know nothing of each other.

    Parameters
    ----------
    one, other : callable
        Of no effect but their result.

    Returns
    -------
    tuple
        Their results.
    """
    pieces: tuple[Callable[[], Given | Made], ...] = (one, other)
    first, second = in_order(lambda piece: piece(), pieces)
    return cast("Given", first), cast("Made", second)


def result_of(future: Future[Made]) -> Made:
    """Wait for a result so that Ctrl-C is heard.

    Parameters
    ----------
    future : Future

    Returns
    -------
    object
    """
    while not future.done():
        wait_for([future], LOOK_UP)
    return future.result()


def check() -> None:
    """End the piece of work that this is called in if it is wanted no more; elsewhere do nothing.

    Raises
    ------
    GivenUpError
    """
    given_up = _given_up.get()
    if given_up is not None and given_up.is_set():
        raise GivenUpError


def wait(event: Event) -> None:
    """Wait for an event within a piece of work, as long as the piece is wanted.

    Parameters
    ----------
    event : Event
        That the pieces before this one, or their taker, will set.

    Raises
    ------
    GivenUpError
    """
    while not event.wait(LOOK_UP):
        check()


def _piece(given_up: Event, work: Callable[[Given], Made], given: Given) -> Made:
    _given_up.set(given_up)
    check()
    return work(given)


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor | None]:
    """Start threads; None if there would be one only, or not all of them may be started."""
    if threads == 1:
        yield None
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="tracemark") as pool:
        started = Event()
        try:
            for _ in range(threads):  # each waits, so that the next needs a thread of its own
                pool.submit(started.wait)
        except RuntimeError:  # a process may be held to fewer threads than it has cores
            started.set()
            yield None
            return
        finally:
            started.set()
        yield pool
    _give_back()


def _give_back() -> None:
    """Give memory that is free back to the system: each thread keeps its own for later, and might never use it."""
    if os.name == "posix" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # the GNU C library's alone
        trim(0)
