"""Processes that grant at once, and are killed in the middle of it; what was acknowledged must still be there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tracemark import Key, Payload
from tracemark.registry import Registry

KEY = Key.from_bytes(bytes(range(32)))
SESSION = "the night of the crash"
SEED = 20261125
WORK = "import sys; from benchmarks.registry_crash import work; work(*sys.argv[1:])"


@dataclass(frozen=True)
class Survived:
    """What was left.

    Parameters
    ----------
    killed : int
        Processes that were killed while they granted.
    acknowledged : int
        Grants that were told of on standard output before.
    lost : int
        Those that the registry has not, or not for that member.
    faults : int
        In the chains and names.
    """

    killed: int
    acknowledged: int
    lost: int
    faults: int


def work(url: str, key: str, prefix: str, count: str) -> None:
    """Grant to new members, and print member and payload when each is on the disk; runs in a process of its own."""
    with Registry.open(url, key, patience=60) as registry:
        for number in range(int(count)):
            member = f"{prefix}-{number}"
            payload = registry.grant(SESSION, member, KEY).payload
            print(member, payload.session, payload.member, flush=True)


def killed_in_the_middle(url: str, key: Path, *, times: int, grants: int) -> Survived:
    """Start a process that grants, kill it with SIGKILL somewhere in the middle, and look; again and again.

    Parameters
    ----------
    url : str
        Of a registry.
    key : Path
        Of the registry's key.
    times : int
        Processes to kill.
    grants : int
        That each would give if it lived.

    Returns
    -------
    Survived
    """
    chance = random.Random(SEED)  # noqa: S311 - when to kill is no secret
    told: list[str] = []
    faults = killed = 0
    for number in range(times):
        worker = _start(url, key, f"round {number}", grants)
        assert worker.stdout is not None
        told += [worker.stdout.readline() for _ in range(chance.randrange(grants // 10, grants * 9 // 10))]
        worker.send_signal(signal.SIGKILL)
        told += _whole_lines(worker.stdout)
        worker.stdout.close()
        killed += worker.wait() == -signal.SIGKILL
        with Registry.open(url, key) as registry:
            faults += len(registry.audit().faults)
    return Survived(killed, len(told), _lost(url, key, told), faults)


def all_at_once(url: str, key: Path, *, processes: int, grants: int) -> Survived:
    """Have several processes grant at once, to members of their own and, all of them, to the same ones.

    Returns
    -------
    Survived
        `lost` also counts members who were given two payloads.
    """
    prefixes = [f"process {number}" if number % 2 else "everybody" for number in range(processes)]
    workers = [_start(url, key, prefix, grants) for prefix in prefixes]
    told: list[str] = []
    for worker in workers:
        assert worker.stdout is not None
        told += _whole_lines(worker.stdout)
        worker.stdout.close()
        if worker.wait():
            raise RuntimeError("a process that grants has failed")
    by_member: dict[str, set[str]] = {}
    for line in told:
        member, payload = line.rsplit(" ", 2)[0], line.rsplit(" ", 2)[1:]
        by_member.setdefault(member, set()).add(" ".join(payload))
    twice = sum(len(payloads) - 1 for payloads in by_member.values())
    with Registry.open(url, key) as registry:
        faults = len(registry.audit().faults)
    return Survived(0, len(told), _lost(url, key, told) + twice, faults)


def _start(url: str, key: Path, prefix: str, grants: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORK, url, str(key), prefix, str(grants)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path})


def _whole_lines(stream: IO[str]) -> list[str]:
    """Lines that were written to their end; the kill may have cut the last."""
    return [line for line in stream if line.endswith("\n")]


def _lost(url: str, key: Path, told: list[str]) -> int:
    lost = 0
    with Registry.open(url, key) as registry:
        for line in told:
            member, session_half, member_half = line.rsplit(" ", 2)
            identity = registry.identify(Payload(int(session_half), int(member_half)))
            lost += identity is None or identity.member != member
    return lost
