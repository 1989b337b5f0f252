"""Work shared among cores: the same results and errors as of one core, in the same order; nothing outlives it."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.scenes import KEY, PAYLOAD, RATE, WRONG_KEY, film, mark
from tracemark import cores
from tracemark.payload import Payload
from tracemark.recovery import Candidates, Recovery, decoder
from tracemark.recovery.listener import Heard, Listener
from tracemark.recovery.message import Ahead, Trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tracemark.recovery import Decoding

    Pictures = list[NDArray[np.uint8]]

SOON = 5.0
"""Seconds in which a stop is expected on a busy machine; what would be waited for otherwise takes a minute."""


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have four cores, whatever this machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)


@pytest.fixture
def limited() -> Iterator[None]:
    """Have a limit of this test's own."""
    before = cores._limit
    yield
    cores.limit(before)


def ours() -> list[threading.Thread]:
    """List the threads that work is shared among now."""
    return [each for each in threading.enumerate() if each.name.startswith("tracemark_")]


def until_given_up(_: int) -> int:
    """Work for a minute, but look up now and then."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        cores.check()
        time.sleep(0.001)
    return 0


@pytest.mark.usefixtures("four")
def test_pieces_are_done_at_once_and_come_in_order() -> None:
    """Pieces that wait for each other end, and the last to end comes where it was given."""
    last = threading.Event()

    def piece(number: int) -> int:
        if number == 0:
            assert last.wait(SOON)
        if number == 2:
            last.set()
        return number

    assert list(cores.in_order(piece, range(9))) == list(range(9))
    assert ours() == []


@pytest.mark.usefixtures("four", "limited")
def test_a_limit_of_one_starts_no_thread() -> None:
    """Under a limit of 1 each piece is done in the caller's thread, when its result is asked for."""
    cores.limit(1)
    done: list[int] = []

    def piece(number: int) -> threading.Thread:
        done.append(number)
        return threading.current_thread()

    results = cores.in_order(piece, range(3))
    assert next(results) is threading.current_thread()
    assert done == [0]
    with pytest.raises(ValueError, match="one thread at least, not 0"):
        cores.limit(0)


@pytest.mark.usefixtures("four", "limited")
def test_cores_are_counted_within_the_limit() -> None:
    """A process shares its work among the cores that it may use, no more than its limit and a few."""
    cores.limit(100)
    assert cores.count() == cores.MOST <= 4
    cores.limit(2)
    assert cores.count() == 2
    assert list(cores.in_order(lambda _: cores.count(), range(2))) == [1, 1]


@pytest.mark.usefixtures("four")
def test_an_error_comes_where_it_belongs() -> None:
    """What was made before a piece that fails comes first, then its error, and pieces under way end."""

    def piece(number: int) -> int:
        if number == 1:
            raise KeyError(number)
        return number if number == 0 else until_given_up(number)

    results = cores.in_order(piece, range(9))
    assert next(results) == 0
    with pytest.raises(KeyError):
        next(results)
    assert ours() == []


@pytest.mark.usefixtures("four")
def test_what_is_wanted_no_more_ends() -> None:
    """Whoever closes the results early finds nothing under way, not even what waits for a turn that never comes."""

    def piece(number: int) -> int:
        if number == 1:
            cores.wait(threading.Event())
        return number if number == 0 else until_given_up(number)

    began = time.monotonic()
    with closing(cores.in_order(piece, range(9))) as results:
        assert next(results) == 0
    assert ours() == []
    assert time.monotonic() - began < SOON


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    "interrupt",
    [
        pytest.param(lambda main: signal.pthread_kill(main, signal.SIGINT), id="asleep"),
        # notes the signal, as its handler would, and wakes nobody
        pytest.param(lambda _: _thread.interrupt_main(), id="falling-asleep"),
    ],
)
def test_ctrl_c_stops_at_once(interrupt: Callable[[int], None]) -> None:
    """An interrupt comes out of the results, and nothing goes on, even if it came too early to wake whoever waits."""
    main = threading.get_ident()

    def piece(number: int) -> int:
        if number == 1:  # by now all threads were started, however busy the machine
            interrupt(main)
        return until_given_up(number)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(cores.in_order(piece, range(9)))
    assert ours() == []
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("threads", [1, 2])
def test_both(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pieces of work give both results, in order; an error of either comes out."""
    monkeypatch.setattr(cores, "count", lambda: threads)
    assert cores.both(lambda: 1, lambda: "two") == (1, "two")
    with pytest.raises(ZeroDivisionError):
        cores.both(lambda: 1, lambda: 1 // 0)


@pytest.mark.usefixtures("four")
def test_where_no_thread_may_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is held to few threads does the work with those it has."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def refused(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    assert list(cores.in_order(lambda number: number * number, range(5))) == [0, 1, 4, 9, 16]
    assert len(started) == 1


def test_trials_of_others_are_waited_for() -> None:
    """What hangs on the number of trials before is answered only once they are known; the rest at once."""
    shared = Trials(5)
    ahead = Ahead(shared)
    ahead.count += 2
    assert ahead.log_p_false(3.0) == 0.0
    answers: list[float] = []
    asking = threading.Thread(target=lambda: answers.append(ahead.log_p_false(12.0)))
    asking.start()
    asking.join(0.1)
    assert answers == []
    shared.count += 1000
    ahead.turn.set()
    asking.join()
    assert answers == [Trials(1007).log_p_false(12.0)]
    ahead.join()
    assert shared.count == 1007


def test_what_was_heard_is_joined_as_if_heard_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that is full keeps as much of another's as it would have kept itself."""
    monkeypatch.setattr("tracemark.recovery.listener.MOST", 3)
    heard = [Heard(KEY, "whole", np.zeros(384), 1.0, None, 0, 0.0, 1.0, float(n), {}) for n in range(6)]
    listener = Listener(heard[:2], [2])
    listener.join(Listener(heard[2:], [2, 3, 4]))
    assert [each.pilot for each in listener.heard] == [0.0, 1.0, 2.0, 3.0]


def copies(member: int) -> Pictures:
    """Return a second and a half of a viewer's copy."""
    marked = mark(film(3 * RATE // 2), payload=Payload(session=88, member=member))
    return [np.asarray(each.to_ndarray(format="bgr24"), np.uint8) for each in marked]


def told(pictures: Pictures, *, wrong: bool = False) -> tuple[Decoding, list[tuple[bytes, float, float]]]:
    """Decode pictures; what the decode says, and everything that candidates would be compared with."""
    key = WRONG_KEY if wrong else KEY
    recovery = Recovery([key], effort="normal", candidates=Candidates.of([PAYLOAD]))
    for number, picture in enumerate(pictures):
        recovery.add(picture, number / RATE)
    decoding = recovery.finish()
    return decoding, [(each.soft.tobytes(), each.energy, each.pilot) for each in recovery.evidence()[0]]


@pytest.mark.usefixtures("four", "limited")
@pytest.mark.parametrize("wrong", [False, True])
def test_threads_change_nothing_of_a_decode(monkeypatch: pytest.MonkeyPatch, *, wrong: bool) -> None:
    """Two copies side by side are told alike, to the last bit, by one thread and by some that run out of step."""
    beside = [np.hstack(both) for both in zip(copies(PAYLOAD.member), copies(4712), strict=True)]
    cores.limit(1)
    alone = told(beside, wrong=wrong)
    cores.limit(3)
    watched, chance = decoder.Recovery._watched, np.random.default_rng(0)
    began: set[str] = set()

    def out_of_step(*given: object, **more: object) -> object:
        began.add(threading.current_thread().name)
        time.sleep(chance.uniform(0, 0.3))
        return watched(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(decoder.Recovery, "_watched", out_of_step)
    assert told(beside, wrong=wrong) == alone
    assert len(began) > 1
    assert (alone[0].verdict, len(alone[0].members)) == (("absent", 0) if wrong else ("found", 2))
