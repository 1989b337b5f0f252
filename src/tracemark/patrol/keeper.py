"""Nurseries and those who ask them: one for each job that is under way in this process, kept for the next one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from tracemark.errors import PatrolError
from tracemark.patrol.jobs import READY, Ended, Job, to_plain

# -P: the current folder may be full of files that somebody else has named.
NURSERY = (sys.executable, "-P", "-m", "tracemark.patrol.nursery")
"""Command that runs a nursery."""

_THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
_LIVES = 2  # nurseries that a job may bring down before it is given up


class Keeper:
    """A nursery, and the pipes to it.

    Parameters
    ----------
    command : sequence of str, optional
        That runs it.

    Raises
    ------
    PatrolError
        If it does not start.
    """

    def __init__(self, command: Sequence[str] = NURSERY) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | _THREADS
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != READY.encode():
            self.close()
            raise PatrolError("a process to look at files in does not start", "it says why on standard error")

    def ask(self, job: Job) -> Ended | None:
        """Have a job done.

        Returns
        -------
        Ended or None
            None if the nursery itself came down.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(to_plain(job)).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            return None
        return Ended(**_plain(line)) if line.endswith(b"\n") else None

    def abandon(self) -> None:
        """End it and what it is doing, while another thread waits for that."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """End it and what it is doing."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self._process.wait()


class Keepers:
    """As many nurseries as there are jobs at once. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Keeper] = []
        self._busy: set[Keeper] = set()
        self._closed = False

    def run(self, job: Job) -> Ended:
        """Have a job done by a nursery that has nothing else to do.

        Parameters
        ----------
        job : Job

        Returns
        -------
        Ended

        Raises
        ------
        PatrolError
            If nurseries do not even start.
        """
        for _ in range(_LIVES):
            keeper = self._borrow()
            ended = keeper.ask(job)
            if self._give_back(keeper, whole=ended is not None) and ended is not None:
                return ended
        return Ended(None, "it brought down the process that looks after it")

    def _borrow(self) -> Keeper:
        with self._lock:
            if self._idle and not self._closed:
                keeper = self._idle.pop()
                self._busy.add(keeper)
                return keeper
        keeper = Keeper()
        with self._lock:
            self._busy.add(keeper)
            if not self._closed:
                return keeper
        self._give_back(keeper, whole=False)
        raise PatrolError("the patrol has ended")

    def _give_back(self, keeper: Keeper, *, whole: bool) -> bool:
        with self._lock:
            self._busy.discard(keeper)
            kept = whole and not self._closed
            if kept:
                self._idle.append(keeper)
        if not kept:
            keeper.close()
        return kept

    def close(self) -> None:
        """End every nursery and what it is doing."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for keeper in idle:
            keeper.close()
        for keeper in busy:
            keeper.abandon()


def _plain(line: bytes) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(line)
    return plain
