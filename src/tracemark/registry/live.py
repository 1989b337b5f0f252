"""The registry beside a running stream: grants that are on disk before their mark is seen, records that never wait."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack, cast

from tracemark.errors import RegistryError, TracemarkError
from tracemark.payload import Payload
from tracemark.profile import PROFILE
from tracemark.registry.accesses import Access
from tracemark.registry.grants import random_payload
from tracemark.registry.names import now_ms
from tracemark.registry.spool import Note, Spool
from tracemark.registry.stay import Attendance, Stay, Where
from tracemark.registry.vault import checked_name

if TYPE_CHECKING:
    from tracemark.embedder import Embedder
    from tracemark.keys import Key
    from tracemark.registry.registry import Registry

GRANT_PATIENCE = 0.25
"""Seconds that a new viewer waits for the registry before their grant is written to the spool instead."""

WAITING = 10_000
"""Access records that may wait to be written; more are dropped and counted."""

_BATCH = 500  # records that are written at once
_IDLE = 0.2  # seconds between looks at an empty queue, and after which a lone record is written
_PAUSE = 1.0  # seconds before the registry is asked again after it failed
_ASKING_AT_ONCE = 4  # grants that the registry is asked for at once; while it is slow, further ones go to the spool


@dataclass(frozen=True)
class Counts:
    """How the registry keeps up.

    Parameters
    ----------
    granted : int
        Grants that the registry gave at once.
    spooled : int
        Grants that were given from here, and written to the spool.
    entered : int
        Those of the spool that the registry has by now, an earlier run's included.
    written : int
        Access records that the registry has.
    waiting : int
        Access records that it will be told.
    dropped : int
        Access records that are lost: too many were waiting.
    failures : int
        Times that the registry did not answer.
    last_failure : str
        In words; empty if there was none.
    """

    granted: int
    spooled: int
    entered: int
    written: int
    waiting: int
    dropped: int
    failures: int
    last_failure: str


class LiveRegistry:
    """Gives grants and takes access records while a stream runs; a registry that is down or slow stops nothing.

    A grant is asked of the registry for at most `patience` seconds. After that the payload is drawn here and written to
    the spool, on this machine's disk, which is told to the registry when it answers again, even by a later run. Access
    records are put in a queue, which a thread of its own writes.

    Parameters
    ----------
    registry : Registry
    spool : str or Path
        File for what the registry could not be told; one for each process.
    patience : float
        Seconds that a new viewer waits for the registry at most.
    waiting : int
        Access records that may wait; more are dropped and counted.
    """

    def __init__(
        self, registry: Registry, spool: str | Path, *, patience: float = GRANT_PATIENCE, waiting: int = WAITING
    ) -> None:
        self._registry = registry
        self._spool = Spool(Path(spool), registry.vault)
        self._patience = patience
        self._queue: queue.Queue[Access] = queue.Queue(waiting)
        self._unwritten: list[Access] = []
        self._counts = dict.fromkeys(("granted", "spooled", "entered", "written", "dropped", "failures"), 0)
        self._last_failure = ""
        self._lock = threading.Lock()
        self._asking = threading.Semaphore(_ASKING_AT_ONCE)
        self._slow = threading.Event()
        self._given: dict[tuple[str, str, str], Payload] = {}  # from here: who comes back gets the same
        self._askers = ThreadPoolExecutor(_ASKING_AT_ONCE, thread_name_prefix="tracemark-grants")
        self._stopping = threading.Event()
        self._spooled = threading.Event()
        self._spooled.set()  # an earlier run may have left something
        self._writer = threading.Thread(target=self._write, name="tracemark-records", daemon=True)
        self._writer.start()

    def grant(self, session: str, member: str, key: Key) -> Payload:
        """Give a member their payload; it is on a disk when this returns, the registry's or the spool's.

        Waits for the registry, so in asyncio call it by ``asyncio.to_thread``; frames of others are not kept waiting.

        Parameters
        ----------
        session, member : str
            Any names.
        key : Key
            That the mark will be made with.

        Returns
        -------
        Payload
            For `Embedder.viewer`.

        Raises
        ------
        RegistryError
            If a name cannot be one, or neither the registry nor the spool can be written.
        """
        whose = checked_name(session), checked_name(member), key.id
        with self._lock:
            if whose in self._given:  # and on a disk already
                return self._given[whose]
        end = time.monotonic() + self._patience
        asked = self._ask(session, member, key)
        if asked is not None:
            try:
                payload = asked.result(max(0.0, end - time.monotonic()))
            except NotInTime:
                self._slow.set()
                self._failed(f"no grant within {self._patience:g} s")
            except TracemarkError as error:
                self._failed(str(error))
            else:
                self._count("granted")
                return payload
        payload = random_payload()
        note = {
            "payload": [payload.session, payload.member],
            "session": session,
            "member": member,
            "key_id": key.id,
            "profile": PROFILE.version,
            "granted": now_ms(),
        }
        self._spool.add([note])
        with self._lock:
            self._given[whose] = payload
        self._count("spooled")
        self._spooled.set()
        return payload

    def join(
        self,
        key: Key,
        session: str,
        member: str,
        **where: Unpack[Where],
    ) -> Stay:
        """Let somebody in: have their payload granted, and write down that they joined. Waits as `grant` does.

        Parameters
        ----------
        key : Key
            That the mark will be made with.
        session, member : str
            Any names.
        **where : Where
            Where from, with what, and which server.

        Returns
        -------
        Stay
            To be left, by `Stay.leave` or the end of a ``with`` block.

        Raises
        ------
        RegistryError
            As `grant` does, or if the address is none.
        """
        joined = _joined(session, member, where)
        return Stay(self.grant(session, member, key), joined, self.put)

    def attend(
        self,
        embedder: Embedder,
        key: Key,
        session: str,
        member: str,
        **where: Unpack[Where],
    ) -> Attendance:
        """Let one more viewer in, as `join` does, and begin marking.

        Parameters
        ----------
        embedder : Embedder
            Of the stream.
        key : Key
            The embedder's.
        session, member, **where
            As for `join`.

        Returns
        -------
        Attendance

        Raises
        ------
        RegistryError
            As `join` does.
        """
        joined = _joined(session, member, where)
        payload = self.grant(session, member, key)
        return Attendance(embedder.viewer(payload), payload, joined, self.put)

    def put(self, record: Access) -> bool:
        """Hand over an access record. Never waits.

        Parameters
        ----------
        record : Access

        Returns
        -------
        bool
            False if it was dropped, because too many are waiting.
        """
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._count("dropped")
            return False
        return True

    @property
    def counts(self) -> Counts:
        """How the registry keeps up."""
        with self._lock:
            waiting = self._queue.qsize() + len(self._unwritten)
            return Counts(**self._counts, waiting=waiting, last_failure=self._last_failure)

    def close(self, timeout: float = 5.0) -> Counts:
        """Stop; what the registry cannot be told within a time goes to the spool, for a later run.

        Parameters
        ----------
        timeout : float
            Seconds.

        Returns
        -------
        Counts
            `waiting` is what went to the spool.

        Raises
        ------
        RegistryError
            If the spool cannot be written.
        """
        self._stopping.set()
        self._writer.join(timeout)
        self._askers.shutdown(wait=False, cancel_futures=True)
        left = [*self._unwritten]
        while not self._queue.empty():
            left.append(self._queue.get_nowait())
        counts = self.counts
        if left:
            self._spool.add({"access": asdict(record)} for record in left)
        return Counts(**(asdict(counts) | {"waiting": len(left)}))

    def __enter__(self) -> Self:
        """Use it in a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it when the block ends."""
        self.close()

    def _ask(self, session: str, member: str, key: Key) -> Future[Payload] | None:
        """Ask the registry in another thread; None if enough are waiting for it already.

        A crowd that comes at once waits for its turn as long as the registry is quick; nobody does once it was slow.
        """
        if not self._asking.acquire(timeout=0 if self._slow.is_set() else self._patience):
            return None

        def ask() -> Payload:
            try:
                payload = self._registry.grant(session, member, key).payload
            finally:
                self._asking.release()
            self._slow.clear()
            return payload

        return self._askers.submit(ask)

    def _write(self) -> None:
        """Tell the registry, in a thread of its own, until it is time to stop."""
        while True:
            stopping = self._stopping.is_set()
            self._gather()
            try:
                if self._spooled.is_set():
                    self._spooled.clear()
                    self._empty_spool()
                if self._unwritten:
                    self._registry.record(self._unwritten)
                    self._count("written", len(self._unwritten))
                    self._unwritten = []
            except TracemarkError as error:
                self._spooled.set()
                self._failed(str(error))
                if stopping:
                    return
                self._stopping.wait(_PAUSE)
            if stopping and self._queue.empty():
                return

    def _gather(self) -> None:
        """Take records out of the queue; wait a little for the first."""
        if not self._unwritten and not self._stopping.is_set():
            try:
                self._unwritten.append(self._queue.get(timeout=_IDLE))
            except queue.Empty:
                return
        while len(self._unwritten) < _BATCH and not self._queue.empty():
            self._unwritten.append(self._queue.get_nowait())

    def _empty_spool(self) -> None:
        notes, size = self._spool.read()
        records = [_record(note) for note in notes if "access" in note]
        for note in notes:
            if "payload" in note:
                self._enter(note)
        if records:
            self._registry.record(records)
            self._count("written", len(records))
        if size:
            self._spool.drop(size)

    def _enter(self, note: Note) -> None:
        session, member = cast("list[int]", note["payload"])
        self._registry.admit(
            Payload(session, member),
            str(note["session"]),
            str(note["member"]),
            key_id=str(note["key_id"]),
            profile=int(str(note["profile"])),
            granted=int(str(note["granted"])),
        )
        self._count("entered")

    def _count(self, what: str, many: int = 1) -> None:
        with self._lock:
            self._counts[what] += many

    def _failed(self, how: str) -> None:
        with self._lock:
            self._counts["failures"] += 1
            self._last_failure = how


def _joined(session: str, member: str, where: Where) -> Access:
    return Access(session, member, "join", now_ms(), connection=secrets.token_hex(8), **where)


def _record(note: Note) -> Access:
    fields = note["access"]
    if not isinstance(fields, dict):
        raise RegistryError("the spool holds what is no access record")
    return Access(**fields)
