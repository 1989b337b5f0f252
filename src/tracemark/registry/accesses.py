"""Access records: who joined, left or sought where, when, and from where."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, get_args

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from tracemark.errors import RegistryError
from tracemark.registry import names, stretches
from tracemark.registry.tables import accesses, sessions
from tracemark.registry.vault import checked_name

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracemark.registry.database import Database
    from tracemark.registry.vault import Vault

EventKind = Literal["join", "leave", "seek"]

LONGEST_NODE = 255
"""Characters in the name of a node: as many as a host name may have."""

ROWS_AT_ONCE = 1000
"""Records that are written in one transaction: enough to share its cost, few enough not to keep others waiting."""

_KINDS = get_args(EventKind)
_LATEST_MS = 2**47  # far beyond any date, within what `stretches` can file


@dataclass(frozen=True, slots=True)
class Access:
    """One access record.

    Parameters
    ----------
    session, member : str
        Any names.
    event : {"join", "leave", "seek"}
    at : int
        UTC in milliseconds since 1970.
    media : int or None
        Media time in milliseconds, where it is known; of a seek, where it went to.
    connection : str
        What tells a member's connections apart, such as the server's client id. Only its hash is kept.
    ip : str
        Address that the member came from; empty if not known.
    port : int or None
    agent : str
        User agent. Only its hash is kept.
    node : str
        Server that the member was connected to.

    Raises
    ------
    RegistryError
        If something is not what it should be.
    """

    session: str
    member: str
    event: EventKind
    at: int
    media: int | None = None
    connection: str = ""
    ip: str = ""
    port: int | None = None
    agent: str = ""
    node: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be kept."""
        checked_name(self.session)
        checked_name(self.member)
        if self.event not in _KINDS:
            raise RegistryError(f"{self.event[:40]!r} is no event", f"events are {', '.join(_KINDS)}")
        for moment in (self.at, self.media):
            if moment is not None and not 0 <= moment < _LATEST_MS:
                raise RegistryError(f"the time {moment} ms is out of range")
        if self.event == "seek" and self.media is None:
            raise RegistryError("a seek does not say where to", "give its media time")
        if self.ip:
            try:
                ipaddress.ip_address(self.ip)
            except ValueError:
                raise RegistryError(f"{self.ip[:60]!r} is no IP address") from None
        if self.port is not None and not 0 <= self.port <= 65535:
            raise RegistryError(f"{self.port} is no port", "ports are from 0 to 65535")
        if len(self.node) > LONGEST_NODE or not (self.node.isprintable() and self.node.isascii()):
            raise RegistryError(f"{self.node[:60]!r} is no name of a node", "use at most 255 ASCII characters")


@dataclass(frozen=True)
class Recorded:
    """What became of access records.

    Parameters
    ----------
    new : int
        Records written.
    duplicates : int
        Records that were there already.
    new_sessions, new_members : int
        Names that were registered on the way.
    """

    new: int = 0
    duplicates: int = 0
    new_sessions: int = 0
    new_members: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        """Count together."""
        return Recorded(
            self.new + other.new,
            self.duplicates + other.duplicates,
            self.new_sessions + other.new_sessions,
            self.new_members + other.new_members,
        )


class _Undone(Exception):  # noqa: N818 - no error: how a dry run leaves its transaction
    """Carries what would have been done out of a transaction that is taken back."""


def record(database: Database, vault: Vault, records: Iterable[Access], *, dry_run: bool = False) -> Recorded:
    """Write access records; those that are there already are left out, and names that are new are registered.

    Parameters
    ----------
    database : Database
    vault : Vault
    records : iterable of Access
        In any order; a thousand are written at once, and are on the disk before the next are asked for.
    dry_run : bool
        Do it all in one transaction, and take it back.

    Returns
    -------
    Recorded

    Raises
    ------
    RegistryError
        If the database does not answer; the thousands before are written.
    """
    total = Recorded()
    if not dry_run:
        for some in _by_thousands(records):
            with database.writing() as connection:
                done = _write(connection, vault, some)
            total += done
        return total
    try:
        with database.writing() as connection:
            for some in _by_thousands(records):
                total += _write(connection, vault, some)
            raise _Undone  # noqa: TRY301 - it takes the transaction back
    except _Undone:
        return total


def _by_thousands(records: Iterable[Access]) -> Iterator[list[Access]]:
    left = iter(records)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield some


def _write(connection: Connection, vault: Vault, some: Sequence[Access]) -> Recorded:
    session_ids, new_sessions = _numbers(connection, vault, "session", (each.session for each in some))
    member_ids, new_members = _numbers(connection, vault, "member", (each.member for each in some))
    rows: list[dict[str, Any]] = [
        {
            "session_id": session_ids[each.session],
            "member_id": member_ids[each.member],
            "at_ms": each.at,
            "event": each.event,
            "media_ms": each.media,
            "connection": vault.token("connection", each.connection),
            "ip": each.ip,
            "port": each.port,
            "agent": vault.token("agent", each.agent),
            "node": each.node,
        }
        for each in some
    ]
    # In one order for all: two who write the same records then never wait for each other in a circle.
    rows.sort(key=lambda row: (row["session_id"], row["member_id"], row["at_ms"]))
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    adding = dialect.insert(accesses).on_conflict_do_nothing()
    added = connection.execute(adding.returning(accesses.c.session_id, accesses.c.member_id), rows).all()
    stretches.renew(connection, [(session_id, member_id) for session_id, member_id in added])
    return Recorded(len(added), len(rows) - len(added), new_sessions, new_members)


def _numbers(connection: Connection, vault: Vault, kind: str, wanted: Iterable[str]) -> tuple[dict[str, int], int]:
    """Numbers of names, and how many of them were new."""
    every = sorted(set(wanted))
    known = names.find_all(connection, vault, kind, every)
    new = 0
    for name in every:
        if name not in known:
            known[name] = names.register(connection, vault, kind, name)
            new += 1
    return known, new


def set_start(connection: Connection, session_id: int, started: int) -> None:
    """Say when a session's media time 0 was, and see that its stretches know it."""
    connection.execute(sessions.update().where(sessions.c.id == session_id).values(started_ms=started))
    watched = select(accesses.c.member_id).where(accesses.c.session_id == session_id).distinct()
    stretches.renew(connection, [(session_id, number) for number in connection.execute(watched).scalars()])


def forget_origins(connection: Connection, member_id: int) -> int:
    """Delete from where a member came, and keep that they did.

    Returns
    -------
    int
        Access records that are kept.
    """
    nowhere = {"ip": "", "port": None, "agent": ""}
    mine = accesses.c.member_id == member_id
    # The index that finds a member's records begins with the session.
    anywhere = accesses.c.session_id.in_(select(sessions.c.id))
    return connection.execute(accesses.update().where(anywhere, mine).values(**nowhere)).rowcount
