"""Who was watching, and whether somebody was."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from sqlalchemy import select

from tracemark.registry.names import read
from tracemark.registry.stretches import holding
from tracemark.registry.tables import accesses, grants, members, stretches

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracemark.registry.vault import Vault

TOLERANCE_MS = 30_000
"""How far from a moment somebody may have joined or left and still count as watching then, in milliseconds. Players of
segmented streams run behind the server's clock by three segments of commonly 6 s (Pantos and May, 2017, RFC 8216,
section 6.3.3), and servers notice late that somebody has gone."""

DAY_MS = 24 * 3600 * 1000
"""The mark's clock starts again after so many milliseconds."""


@dataclass(frozen=True)
class Watcher:
    """Somebody who was watching at a moment.

    Parameters
    ----------
    member_id : int
    name : str or None
        None if it was erased.
    pseudonym : str
    joined, left : int or None
        UTC in milliseconds: the stretch that the moment lies in; `left` is None if no end is on record.
    ip : str
    port : int or None
    agent : str
        Hash of the user agent.
    node : str
    """

    member_id: int
    name: str | None
    pseudonym: str
    joined: int
    left: int | None
    ip: str
    port: int | None
    agent: str
    node: str


def watchers(connection: Connection, vault: Vault, session_id: int, moment: int, *, media: bool) -> list[Watcher]:
    """List who was watching, in the order in which they joined.

    Parameters
    ----------
    connection : Connection
    vault : Vault
    session_id : int
    moment : int
        Milliseconds, UTC or of media time.
    media : bool
        Which of the two.

    Returns
    -------
    list of Watcher
    """
    held = holding(session_id, moment, media=media).subquery()
    wanted = (
        select(
            stretches.c.member_id,
            members.c.pseudonym,
            stretches.c.start_ms,
            stretches.c.end_ms,
            accesses.c.ip,
            accesses.c.port,
            accesses.c.agent,
            accesses.c.node,
        )
        .join(held, held.c.id == stretches.c.id)
        .join(members, members.c.id == stretches.c.member_id)
        .join(accesses, accesses.c.id == stretches.c.access_id)
    )
    rows = sorted(connection.execute(wanted), key=lambda row: (row.start_ms, row.member_id))
    named = read(connection, vault, "member", {row.member_id for row in rows})
    return [
        Watcher(
            row.member_id,
            named.get(row.member_id),
            row.pseudonym,
            row.start_ms,
            row.end_ms,
            row.ip,
            row.port,
            row.agent,
            row.node,
        )
        for row in rows
    ]


def watching_ids(connection: Connection, session_id: int, moment: int, *, media: bool) -> set[int]:
    """Return the numbers of the members who were watching."""
    held = holding(session_id, moment, media=media).subquery()
    wanted = select(stretches.c.member_id).join(held, held.c.id == stretches.c.id)
    return set(connection.execute(wanted).scalars())


def connected(connection: Connection, session_id: int) -> dict[int, list[tuple[float, float]]]:
    """List, for every grant of a session, the stretches of media time in which its member counts as watching.

    Parameters
    ----------
    connection : Connection
    session_id : int

    Returns
    -------
    dict of int to list of tuple of float
        By the grant's number: seconds from the session's start, widened by `TOLERANCE_MS` on both sides; infinite where
        no end is on record. A member without any is not in it.
    """
    together = (grants.c.session_id == stretches.c.session_id) & (grants.c.member_id == stretches.c.member_id)
    wanted = (
        select(grants.c.seq, stretches.c.media_start_ms, stretches.c.media_end_ms)
        .join(stretches, together)
        .where(grants.c.session_id == session_id, stretches.c.media_start_ms.is_not(None))
        .order_by(grants.c.seq, stretches.c.media_start_ms)
    )
    held: dict[int, list[tuple[float, float]]] = {}
    for seq, start, end in connection.execute(wanted):
        until = inf if end is None else (end + TOLERANCE_MS) / 1000
        held.setdefault(seq, []).append(((start - TOLERANCE_MS) / 1000, until))
    return held


def was_watching(connection: Connection, session_id: int, member_id: int, media_ms: int) -> bool | None:
    """Say whether a member was shown a media time, which may have lost whole days.

    Parameters
    ----------
    connection : Connection
    session_id, member_id : int
    media_ms : int
        Modulo 24 hours, as the mark's clock tells it.

    Returns
    -------
    bool or None
        None if the session has no access records with known media time, so that their absence says nothing.
    """
    ours = select(stretches.c.media_start_ms, stretches.c.media_end_ms).where(
        stretches.c.session_id == session_id, stretches.c.media_start_ms.is_not(None)
    )
    for start, end in connection.execute(ours.where(stretches.c.member_id == member_id)):
        days = max(0, -((media_ms - start + TOLERANCE_MS) // DAY_MS))
        if end is None or media_ms + days * DAY_MS <= end + TOLERANCE_MS:
            return True
    return None if connection.execute(ours.limit(1)).first() is None else False
