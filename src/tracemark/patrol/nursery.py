"""A process that has imported everything a look at a file takes, and forks a child for each: `python -m` runs it.

It reads a job a line from standard input, and writes how the child ended, a line each, to standard output. A child gets
its limits before it touches the file, and is killed with all its own when its time is over; whatever becomes of it, the
nursery lives on. When its input ends, so do the child and itself: nothing is left behind by a patrol that was killed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import sys
import time
from dataclasses import asdict
from typing import Any, NoReturn

from tracemark import cores
from tracemark.errors import TracemarkError
from tracemark.patrol import known
from tracemark.patrol.child import perform
from tracemark.patrol.jobs import READY, Ended, Fetch, Job, Look, from_plain
from tracemark.patrol.limits import GRACE, constrain

MOST = 96 << 20
"""Bytes that a child may say: no less than the fingerprint of an own recording of eighteen hours."""

_NO_MEMORY = b'{"why": "it needs more memory than it may have"}'
_WALL = "it was not done in time"
_SIGNALS: dict[int, str] = {
    signal.SIGXCPU: "it needs more processor time than it may have",
    signal.SIGXFSZ: "it writes too much",
}


def serve() -> None:
    """Answer jobs until there are no more."""
    gc.freeze()  # else the first collection in every child would copy all that is shared with it
    _say(READY)
    for line in iter(sys.stdin.buffer.readline, b""):
        job = from_plain(json.loads(line))
        if isinstance(job, Look) and job.known:
            with contextlib.suppress(OSError, ValueError, TracemarkError):  # its child meets the same, and tells of it
                known.encode(job.known, job.keys)
        ended = bear(job)
        if ended is None:
            return
        _say(json.dumps(asdict(ended)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def bear(job: Job) -> Ended | None:
    """Have a child do a job.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Ended or None
        None if standard input ended meanwhile: nobody wants to know any more.
    """
    began = time.monotonic()
    patience = job.limits.download + GRACE if isinstance(job, Fetch) else job.limits.wall
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(job, writing)
    os.close(writing)
    try:
        said, why, wanted = _listen(reading, began + patience)
    finally:
        os.close(reading)
        for kill in (os.killpg, os.kill):  # the group is made by the child, perhaps not yet
            with contextlib.suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    if not wanted:
        return None
    if not why and not said:
        number = os.waitstatus_to_exitcode(status)
        why = _SIGNALS.get(-number, f"it brought its process down ({f'signal {-number}' if number < 0 else number})")
    report, why = _understood(said, why)
    cpu = used.ru_utime + used.ru_stime
    return Ended(report, why, round(cpu, 3), round(time.monotonic() - began, 3), used.ru_maxrss * 1024)


def _listen(reading: int, deadline: float) -> tuple[bytes, str, bool]:
    """Collect what a child says, until it has closed its end or its time is over. See whether anyone still asks."""
    said = bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(reading, selectors.EVENT_READ)
        with contextlib.suppress(PermissionError):  # an ordinary file as standard input never ends early
            waiting.register(sys.stdin, selectors.EVENT_READ)
        while True:
            ready = waiting.select(max(0.0, deadline - time.monotonic()))
            if any(key.fileobj is sys.stdin for key, _ in ready):
                return b"", "", False
            if not ready:
                return b"", _WALL, True
            chunk = os.read(reading, 1 << 16)
            if not chunk:
                return bytes(said), "", True
            said += chunk
            if len(said) > MOST:
                return b"", "it says too much", True


def _understood(said: bytes, why: str) -> tuple[dict[str, Any] | None, str]:
    if why:
        return None, why
    try:
        report = json.loads(said)
    except ValueError:
        return None, "it told nonsense"
    if not isinstance(report, dict):
        return None, "it told nonsense"
    return (None, str(report["why"])) if "why" in report else (report, "")


def _live(job: Job, writing: int) -> NoReturn:
    """Be the child."""
    said = _NO_MEMORY
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        # a file to write to is a download's, and nobody else's
        constrain(job.limits, writes=job.limits.size + 1 if isinstance(job, Fetch) else 0)
        cores.limit(1)  # there is a child for every core already
        said = json.dumps(perform(job), allow_nan=False).encode()
    except MemoryError:
        said = _NO_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever a hostile file can bring about, a child must tell of
        said = json.dumps({"why": f"it brought about an error: {type(error).__name__}"}).encode()
    finally:
        with contextlib.suppress(OSError):
            while said:
                said = said[os.write(writing, said) :]
        os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the patrol, which then closes our input
    serve()
