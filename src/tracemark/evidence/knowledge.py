"""What a report asks whoever keeps the list of viewers: who there is, whose a payload is, who was connected when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from tracemark.payload import Payload
from tracemark.remarks import Remark

if TYPE_CHECKING:
    from tracemark.naming import Named
    from tracemark.recovery import Candidates, Decoding


@dataclass(frozen=True)
class Identity:
    """Who a payload was granted to.

    Parameters
    ----------
    session, member : str
        Pseudonyms, which may be told to everyone.
    names : tuple of str or None
        Session's and member's true names; None once erased, or if the list does not have them.
    """

    session: str
    member: str
    names: tuple[str, str] | None


@dataclass(frozen=True)
class Access:
    """One access record.

    Parameters
    ----------
    time : datetime
        In UTC.
    what : {'join', 'leave', 'seek'}
    member : str
        Pseudonym.
    address : str or None
        IP address.
    port : int or None
    """

    time: datetime
    what: Literal["join", "leave", "seek"]
    member: str
    address: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Watching:
    """What access records say about a moment of a session.

    Parameters
    ----------
    moment : datetime or None
        When what the leak shows was streamed, in UTC; None if the media time or the session's start is not known.
    records : sequence of Access
        Of the member found, around that moment, in order.
    against : sequence of Remark
        What does not go together with the payload found, such as a member who was not connected.
    others : int or None
        How many others were connected at that moment; None if not known.
    """

    moment: datetime | None
    records: Sequence[Access] = ()
    against: Sequence[Remark] = ()
    others: int | None = None


class Knowledge(Protocol):
    """Keeper of the list of viewers, such as a registry."""

    @property
    def candidates(self) -> Candidates:
        """Everyone on the list, whom the leak is compared with."""

    @property
    def session(self) -> tuple[str, str] | None:
        """Pseudonym and true name of the session that the list was cut down to; None if it was not."""

    def named(self, decoding: Decoding, /) -> Named:
        """Tell whom a verdict speaks of, as `tracemark decode --registry` does."""

    def identity(self, payload: Payload, key_id: str, /) -> Identity | None:
        """Tell who a payload was granted to under a key; None if nobody."""

    def watching(self, payload: Payload, key_id: str, media_time: float | None, /) -> Watching:
        """Tell who was connected to a payload's session around a media time, in seconds."""
