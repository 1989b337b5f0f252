"""Who was watching at a moment: access records put together to stretches, kept so that any moment finds its own.

A stretch is the time that one member watched without leaving or seeking, on two axes: UTC, and the media time of what
was shown. Each axis is kept as a relational interval tree: a stretch is filed under one number, its fork, and a moment
visits the one number on each level of an imagined binary tree of all times under which a stretch that holds it may be
filed. Two plain indexes for each axis answer that in a time which grows with the answer, not with the session.

References
----------
Kriegel, Pötke and Seidl, 2000, "Managing intervals efficiently in object-relational databases", VLDB, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from sqlalchemy import delete, insert, select, union_all

from tracemark.registry.tables import accesses, members, sessions, stretches

if TYPE_CHECKING:
    from sqlalchemy import CompoundSelect, Connection

OPEN = -1
"""Fork of stretches that have not ended: they hold every moment after their start."""

LEVELS = 48
"""Height of the imagined tree: all times below 2**48 ms, which is the year 10889."""

_AT_ONCE = 400


class Event(Protocol):
    """What a stretch is made of: a row of `accesses`."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def at_ms(self) -> int: ...  # noqa: D102
    @property
    def event(self) -> str: ...  # noqa: D102
    @property
    def media_ms(self) -> int | None: ...  # noqa: D102
    @property
    def connection(self) -> str: ...  # noqa: D102


@dataclass
class Stretch:
    """One member watching without a break.

    Parameters
    ----------
    access_id : int
        Record that it began with.
    start, end : int
        UTC in milliseconds; `end` is None while it lasts.
    media_start : int or None
        Media time at `start` in milliseconds, negative before the session began; None if nobody knows.
    """

    access_id: int
    start: int
    end: int | None
    media_start: int | None

    @property
    def media_end(self) -> int | None:
        """Media time at `end`."""
        if self.media_start is None or self.end is None:
            return None
        return self.media_start + self.end - self.start

    def row(self, session_id: int, member_id: int) -> dict[str, int | None]:
        """Columns of `stretches`."""
        return {
            "session_id": session_id,
            "member_id": member_id,
            "access_id": self.access_id,
            "start_ms": self.start,
            "end_ms": self.end,
            "media_start_ms": self.media_start,
            "media_end_ms": self.media_end,
            "fork": fork(self.start, self.end),
            "media_fork": self._media_fork(),
        }

    def _media_fork(self) -> int | None:
        """None where media time is not known, or the member had left before it began."""
        if self.media_start is None or (self.media_end is not None and self.media_end < 0):
            return None
        return fork(max(0, self.media_start), self.media_end)


def fork(start: int, end: int | None) -> int:
    """Tell what number an interval is filed under: of those that it holds, the highest in the tree.

    Parameters
    ----------
    start, end : int
        At least 0, in order; an `end` of None lasts for ever.

    Returns
    -------
    int
        The number from `start` + 1 to `end` + 1 that is divisible by the highest power of two, less 1; `OPEN` without
        an end.
    """
    if end is None:
        return OPEN
    level = (start ^ (end + 1)).bit_length() - 1
    return ((end + 1) >> level << level) - 1


def path(moment: int) -> tuple[list[int], list[int]]:
    """List the numbers under which an interval that holds a moment may be filed.

    Parameters
    ----------
    moment : int
        From 0 to 2**48 - 2.

    Returns
    -------
    tuple of list of int
        Those at or before the moment, whose intervals need only end late enough, and those after it, and `OPEN`, whose
        intervals need only begin early enough.
    """
    place = moment + 1
    before: list[int] = []
    after = [OPEN]
    for level in range(LEVELS):
        node = (place >> (level + 1) << (level + 1)) | (1 << level)
        (before if node <= place else after).append(node - 1)
    return before, after


def holding(session_id: int, moment: int, *, media: bool) -> CompoundSelect[int]:
    """Select the numbers of a session's stretches that hold a moment.

    Parameters
    ----------
    session_id : int
    moment : int
        Milliseconds, UTC or of media time.
    media : bool
        Which of the two.

    Returns
    -------
    CompoundSelect
        One column.
    """
    columns = stretches.c
    node = columns.media_fork if media else columns.fork
    start = columns.media_start_ms if media else columns.start_ms
    end = columns.media_end_ms if media else columns.end_ms
    before, after = path(moment)

    ours = select(columns.id).where(columns.session_id == session_id)
    return union_all(
        ours.where(node.in_(before), end >= moment),
        ours.where(node.in_(after), start <= moment),
    )


def put_together(events: Iterable[Event], started: int | None) -> list[Stretch]:
    """Make the stretches of one member in one session.

    A join begins a stretch, a seek ends it and begins the next, a leave ends it. A leave after a leave moves the end
    (the same log, read again when it had grown); a leave out of nothing says that the member was there at that moment.
    Each connection is a viewer of its own.

    Parameters
    ----------
    events : iterable of Event
        In order of time.
    started : int or None
        When the session's media time 0 was, UTC in milliseconds.

    Returns
    -------
    list of Stretch
    """
    open_ones: dict[str, Stretch] = {}
    ended: dict[str, Stretch] = {}
    made = []

    def media_at(event: Event) -> int | None:
        if event.media_ms is not None:
            return event.media_ms
        return None if started is None else event.at_ms - started

    for event in events:
        current = open_ones.get(event.connection)
        if event.event == "leave":
            stretch = open_ones.pop(event.connection, None) or ended.get(event.connection)
            if stretch is None:
                stretch = Stretch(event.id, event.at_ms, None, media_at(event))
                made.append(stretch)
            stretch.end = event.at_ms
            ended[event.connection] = stretch
        elif event.event == "seek" or current is None:
            if current is not None:
                current.end = event.at_ms
            open_ones[event.connection] = Stretch(event.id, event.at_ms, None, media_at(event))
            made.append(open_ones[event.connection])
            ended.pop(event.connection, None)
    return made


def renew(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Put the stretches of some members together anew, after records were added or a session's start was set.

    Parameters
    ----------
    connection : Connection
        In a writing transaction.
    pairs : iterable of tuple of int
        Sessions and members.
    """
    by_session: dict[int, list[int]] = {}
    for session_id, member_id in sorted(set(pairs)):
        by_session.setdefault(session_id, []).append(member_id)
    for session_id, numbers in by_session.items():
        started = connection.execute(select(sessions.c.started_ms).where(sessions.c.id == session_id)).scalar_one()
        for first in range(0, len(numbers), _AT_ONCE):
            _renew(connection, session_id, numbers[first : first + _AT_ONCE], started)


def _renew(connection: Connection, session_id: int, numbers: Sequence[int], started: int | None) -> None:
    # Whoever else has records of these members waits here, and then sees ours.
    locked = select(members.c.id).where(members.c.id.in_(numbers)).order_by(members.c.id)
    connection.execute(locked.with_for_update(key_share=True)).all()
    ours = stretches.c.session_id == session_id, stretches.c.member_id.in_(numbers)
    connection.execute(delete(stretches).where(*ours))
    wanted = (
        select(
            accesses.c.member_id,
            accesses.c.id,
            accesses.c.at_ms,
            accesses.c.event,
            accesses.c.media_ms,
            accesses.c.connection,
        )
        .where(accesses.c.session_id == session_id, accesses.c.member_id.in_(numbers))
        .order_by(accesses.c.member_id, accesses.c.at_ms, accesses.c.id)
    )
    by_member: dict[int, list[Event]] = {}
    for row in connection.execute(wanted):
        by_member.setdefault(row.member_id, []).append(cast("Event", row))  # a row has its columns by name
    rows = [
        stretch.row(session_id, number)
        for number, events in by_member.items()
        for stretch in put_together(events, started)
    ]
    if rows:
        connection.execute(insert(stretches), rows)
