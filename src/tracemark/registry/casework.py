"""Cases: a notice that was drafted, when it was sent, by when an answer is due, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import insert, select

from tracemark.errors import RegistryError
from tracemark.registry.names import now_ms
from tracemark.registry.tables import case_events, cases

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from tracemark.registry import Registry

Event = Literal["sent", "answered", "closed"]
"""What happens to a case."""

State = Literal["overdue", "waiting", "sent", "drafted", "answered", "closed"]
"""Where a case stands, the most pressing first: sent and past its due time; sent and waiting for it; sent with no time
by which an answer is due; not sent yet; answered; closed."""

HOUR_MS = 3_600_000

_FOLLOWS: dict[str, tuple[str, ...]] = {
    "sent": ("drafted",),
    "answered": ("sent",),
    "closed": ("drafted", "sent", "answered"),
}
"""What may have happened last before an event."""

LONGEST_NOTE = 2000
"""Characters in a note."""


@dataclass(frozen=True)
class Step:
    """Something that happened to a case.

    Parameters
    ----------
    event : {'sent', 'answered', 'closed'}
    at : int
        UTC in milliseconds.
    note : str
    """

    event: Event
    at: int
    note: str


@dataclass(frozen=True)
class Case:
    """A notice and its history.

    Parameters
    ----------
    id : int
    opened : int
        When it was drafted, UTC in milliseconds.
    leak_sha256, draft_sha256 : str
    kind, basis : str
        As in `tracemark notice`.
    due_hours : int or None
        From sending to when an answer is due.
    steps : tuple of Step
        In the order in which they were entered.
    """

    id: int
    opened: int
    leak_sha256: str
    kind: str
    basis: str
    draft_sha256: str
    due_hours: int | None
    steps: tuple[Step, ...]

    @property
    def due(self) -> int | None:
        """When an answer is due, UTC in milliseconds; None before it is sent, or if nothing says so."""
        sent = [step.at for step in self.steps if step.event == "sent"]
        if not sent or self.due_hours is None:
            return None
        return sent[-1] + self.due_hours * HOUR_MS

    def state(self, now: int) -> State:
        """Say where it stands at a time, UTC in milliseconds."""
        last = self.steps[-1].event if self.steps else "drafted"
        if last != "sent":
            return last
        if self.due is None:
            return "sent"
        return "overdue" if now > self.due else "waiting"


class Casework:
    """The cases in a registry.

    Parameters
    ----------
    registry : Registry
        Open for as long as this is used.
    """

    def __init__(self, registry: Registry) -> None:
        self._database = registry.database

    def open(self, *, leak_sha256: str, kind: str, basis: str, draft_sha256: str, due_hours: int | None) -> Case:
        """Open a case for a notice that was drafted.

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        values = {
            "opened_ms": now_ms(),
            "leak_sha256": leak_sha256,
            "kind": kind,
            "basis": basis,
            "draft_sha256": draft_sha256,
            "due_hours": due_hours,
        }
        with self._database.writing() as connection:
            number = connection.execute(insert(cases).values(**values).returning(cases.c.id)).scalar_one()
            return _case(connection, number)

    def step(self, number: int, event: Event, *, at: int | None = None, note: str = "") -> Case:
        """Enter what happened to a case.

        Parameters
        ----------
        number : int
            Of the case.
        event : {'sent', 'answered', 'closed'}
        at : int, optional
            When it happened, UTC in milliseconds; now by default.
        note : str, optional

        Returns
        -------
        Case

        Raises
        ------
        RegistryError
            If there is no such case, the event does not follow from where it stands, or it lies in the future or before
            what happened last.
        """
        now = now_ms()
        moment = now if at is None else at
        if len(note) > LONGEST_NOTE:
            raise RegistryError(f"a note has at most {LONGEST_NOTE} characters")
        with self._database.writing() as connection:
            case = _case(connection, number)
            last = case.steps[-1].event if case.steps else "drafted"
            if last not in _FOLLOWS[event]:
                raise RegistryError(f"case {number} is {last}, and cannot be {event} after that")
            before = case.steps[-1].at if case.steps else case.opened
            if moment > now or moment < before // 1000 * 1000:  # times on a command line often have no milliseconds
                raise RegistryError(
                    f"case {number} cannot be {event} at that time", "it lies in the future, or too early"
                )
            values = {"case_id": number, "event": event, "at_ms": moment, "written_ms": now, "note": note}
            connection.execute(insert(case_events).values(**values))
            return _case(connection, number)

    def all(self, now: int | None = None) -> list[Case]:
        """List the cases, the most pressing first: overdue ones, longest overdue first; then those due next.

        Parameters
        ----------
        now : int, optional
            UTC in milliseconds.

        Returns
        -------
        list of Case
        """
        moment = now_ms() if now is None else now
        with self._database.reading() as connection:
            rows = connection.execute(select(cases)).all()
            steps = connection.execute(select(case_events).order_by(case_events.c.id)).all()
        history: dict[int, list[Row[tuple[object, ...]]]] = {}
        for step in steps:
            history.setdefault(step.case_id, []).append(step)
        found = [_made(row, history.get(row.id, ())) for row in rows]
        order = get_args(State)
        return sorted(found, key=lambda case: (order.index(case.state(moment)), case.due or case.opened, case.id))

    def case(self, number: int) -> Case:
        """Return one case.

        Raises
        ------
        RegistryError
            If there is none of that number.
        """
        with self._database.reading() as connection:
            return _case(connection, number)


def _case(connection: Connection, number: int) -> Case:
    row = connection.execute(select(cases).where(cases.c.id == number)).first()
    if row is None:
        raise RegistryError(f"there is no case {number}", "'tracemark case list' lists them")
    steps = connection.execute(select(case_events).where(case_events.c.case_id == number).order_by(case_events.c.id))
    return _made(row, steps.all())


def _made(row: Row[tuple[object, ...]], steps: Sequence[Row[tuple[object, ...]]]) -> Case:
    told = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Case(
        id=told["id"],
        opened=told["opened_ms"],
        leak_sha256=told["leak_sha256"],
        kind=told["kind"],
        basis=told["basis"],
        draft_sha256=told["draft_sha256"],
        due_hours=told["due_hours"],
        steps=tuple(Step(each._mapping["event"], each._mapping["at_ms"], each._mapping["note"]) for each in steps),  # noqa: SLF001 - the same
    )
