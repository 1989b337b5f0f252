"""Sessions and members as they are listed, and members as they are erased."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from tracemark.errors import RegistryError
from tracemark.registry import accesses, chain, names
from tracemark.registry.tables import erasures, grants, members, sessions

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection

    from tracemark.registry.vault import Vault

_PSEUDONYMOUS = {"member": members, "session": sessions}


@dataclass(frozen=True)
class Session:
    """A showing.

    Parameters
    ----------
    id : int
    name : str
    pseudonym : str
    performer : str or None
        Name of who performs in it.
    started : int or None
        When its media time 0 was, UTC in milliseconds.
    grants : int
        Payloads given out for it.
    """

    id: int
    name: str
    pseudonym: str
    performer: str | None
    started: int | None
    grants: int


@dataclass(frozen=True)
class Member:
    """A viewer.

    Parameters
    ----------
    id : int
    name : str or None
        None if it was erased.
    pseudonym : str
    registered : int
        UTC in milliseconds.
    erased : int or None
    grants : int
        Payloads that they were given.
    """

    id: int
    name: str | None
    pseudonym: str
    registered: int
    erased: int | None
    grants: int


@dataclass(frozen=True)
class Erased:
    """What is left of a member who was erased.

    Parameters
    ----------
    pseudonym : str
        By which the member is known from now on.
    grants, accesses : int
        Rows that are kept without the name.
    """

    pseudonym: str
    grants: int
    accesses: int


def number_of(connection: Connection, vault: Vault, kind: str, name: str) -> int:
    """Return the number of a name; members and sessions may be called by their pseudonyms, too.

    Raises
    ------
    RegistryError
        If nobody has it.
    """
    number = names.find(connection, vault, kind, name)
    if number is None and kind in _PSEUDONYMOUS:
        table = _PSEUDONYMOUS[kind]
        number = connection.execute(select(table.c.id).where(table.c.pseudonym == name)).scalar_one_or_none()
    if number is None:
        raise RegistryError(f"the registry knows no {kind} {name!r}", "names must be written as they were given")
    return number


def set_session(connection: Connection, vault: Vault, name: str, performer: str | None, started: int | None) -> None:
    """Register a session, or say more of it; see `Registry.set_session`."""
    session_id = names.register(connection, vault, "session", name)
    if performer is not None:
        performer_id = names.register(connection, vault, "performer", performer)
        connection.execute(update(sessions).where(sessions.c.id == session_id).values(performer_id=performer_id))
    if started is not None:
        accesses.set_start(connection, session_id, started)


def sessions_of(connection: Connection, vault: Vault, name: str | None) -> list[Session]:
    """List the sessions, or the one that has a name or pseudonym.

    Raises
    ------
    RegistryError
        If none has it.
    """
    only = None if name is None else number_of(connection, vault, "session", name)
    wanted = select(sessions).order_by(sessions.c.id)
    rows = connection.execute(wanted if only is None else wanted.where(sessions.c.id == only)).all()
    counts = _grants_by(connection, grants.c.session_id, only)
    named = names.read(connection, vault, "session", (row.id for row in rows))
    who = {row.performer_id for row in rows if row.performer_id is not None}
    performers = names.read(connection, vault, "performer", who)
    return [
        Session(
            id=row.id,
            name=named.get(row.id, row.pseudonym),
            pseudonym=row.pseudonym,
            performer=performers.get(row.performer_id),
            started=row.started_ms,
            grants=counts.get(row.id, 0),
        )
        for row in rows
    ]


def members_of(connection: Connection, vault: Vault, name: str | None) -> list[Member]:
    """List the members, or the one that has a name or pseudonym.

    Raises
    ------
    RegistryError
        If none has it.
    """
    only = None if name is None else number_of(connection, vault, "member", name)
    wanted = select(members).order_by(members.c.id)
    rows = connection.execute(wanted if only is None else wanted.where(members.c.id == only)).all()
    counts = _grants_by(connection, grants.c.member_id, only)
    named = names.read(connection, vault, "member", (row.id for row in rows))
    return [
        Member(
            id=row.id,
            name=named.get(row.id),
            pseudonym=row.pseudonym,
            registered=row.registered_ms,
            erased=row.erased_ms,
            grants=counts.get(row.id, 0),
        )
        for row in rows
    ]


def erase(connection: Connection, vault: Vault, member: str) -> Erased:
    """Delete a member's name, its look-up, their addresses and user agents; what they did stays.

    Parameters
    ----------
    connection : Connection
        In a writing transaction.
    vault : Vault
    member : str
        Name or pseudonym; one who was erased already is looked at once more.

    Returns
    -------
    Erased

    Raises
    ------
    RegistryError
        If there is no such member.
    """
    number = number_of(connection, vault, "member", member)
    row = connection.execute(select(members).where(members.c.id == number)).one()
    kept = accesses.forget_origins(connection, number)
    if row.erased_ms is None:
        moment = names.now_ms()
        names.forget(connection, "member", number)
        connection.execute(update(members).where(members.c.id == number).values(erased_ms=moment))
        chain.append(connection, vault, erasures, [{"member_id": number, "erased_ms": moment}])
    return Erased(row.pseudonym, _grants_by(connection, grants.c.member_id, number).get(number, 0), kept)


def _grants_by(connection: Connection, whose: Column[int], only: int | None) -> dict[int, int]:
    """Count the grants of each, or of one."""
    counted = select(whose, func.count()).group_by(whose)
    rows = connection.execute(counted if only is None else counted.where(whose == only))
    return {number: count for number, count in rows}  # noqa: C416 - rows are no tuples to dict()
