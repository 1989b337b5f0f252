"""Who may watch, and which payload is theirs: by numbers of the room's own, or by names that a registry knows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tracemark import Key, Payload
from tracemark.errors import PayloadError

if TYPE_CHECKING:
    from tracemark.registry import LiveRegistry, Where  # of an extra that a room of numbers does without

FIRST_NUMBER = 1001
"""Number of the first viewer whose address says none."""


@dataclass(frozen=True)
class Guest:
    """Somebody who was let in.

    Parameters
    ----------
    member : int or str
        To be shown.
    payload : Payload
    leave : callable
        To be called when they go.
    """

    member: int | str
    payload: Payload
    leave: Callable[[], None]


class Guests(Protocol):
    """Lets viewers of one session in.

    Attributes
    ----------
    session : int or str
        To be shown.
    """

    @property
    def session(self) -> int | str:
        """Number or name of the session."""

    async def admit(self, member: str | None, present: Collection[int | str], where: Where) -> Guest:
        """Let somebody in, who may have no name; `present` are those who watch already."""


class Numbered:
    """Session and members are numbers, which the mark holds as they are."""

    def __init__(self, session: str) -> None:
        self.session = _number("session", session)
        self._numbers = itertools.count(FIRST_NUMBER)

    async def admit(self, member: str | None, present: Collection[int | str], where: Where) -> Guest:  # noqa: ARG002
        """Let somebody in under their number, or one that nobody has."""
        if member is None:
            number = next(each for each in self._numbers if each not in present)
        else:
            number = _number("member", member)
        return Guest(number, Payload(self.session, number), lambda: None)


def _number(what: str, said: str) -> int:
    if not said.isdecimal():
        raise PayloadError(f"{what} {said!r} is no number", "give a number, or start the room with --registry")
    return Payload(0, int(said)).member


class Registered:
    """Session and members have names; the mark holds what was drawn by chance, and the registry knows whose it is."""

    def __init__(self, live: LiveRegistry, key: Key, session: str) -> None:
        self.session = session
        self._live = live
        self._key = key
        self._numbers = itertools.count(1)

    async def admit(self, member: str | None, present: Collection[int | str], where: Where) -> Guest:
        """Have a payload granted, which is on a disk before anything is shown, and write down that they came."""
        if member is None:
            member = next(each for each in map("guest {}".format, self._numbers) if each not in present)
        stay = await asyncio.to_thread(self._live.join, self._key, self.session, member, **where)
        return Guest(member, stay.payload, stay.leave)
