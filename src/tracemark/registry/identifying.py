"""From a payload back to the person, and what speaks against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from tracemark.registry import grants
from tracemark.registry.grants import Grant
from tracemark.registry.names import read
from tracemark.registry.tables import members, sessions
from tracemark.registry.times import to_text
from tracemark.registry.watching import was_watching
from tracemark.remarks import Remark, remark

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracemark.payload import Payload
    from tracemark.registry.vault import Vault


@dataclass(frozen=True)
class Identity:
    """Whom a payload was given to.

    Parameters
    ----------
    grant : Grant
    session, session_pseudonym : str
        Name of the session, and what it is called where names must not be told.
    member : str or None
        Name of the member; None if it was erased.
    pseudonym : str
        Of the member; it stays.
    erased : int or None
        When the member was erased, UTC in milliseconds.
    against : tuple of Remark
        What speaks against this member having leaked what was shown.
    """

    grant: Grant
    session: str
    session_pseudonym: str
    member: str | None
    pseudonym: str
    erased: int | None
    against: tuple[Remark, ...] = ()

    @property
    def contradictions(self) -> tuple[str, ...]:
        """What speaks against this member, in English."""
        return tuple(str(each) for each in self.against)

    @property
    def erased_at(self) -> str | None:
        """When the member was erased, as text."""
        return to_text(self.erased)


def identify(
    connection: Connection, vault: Vault, payload: Payload, media_time: float | None, key_id: str | None
) -> Identity | None:
    """Look a payload up.

    Parameters
    ----------
    connection : Connection
    vault : Vault
    payload : Payload
    media_time : float or None
        What the leak shows, in seconds from the start of the stream modulo a day; the access records are asked whether
        the member was there.
    key_id : str or None
        Of the key that the mark was read with.

    Returns
    -------
    Identity or None
        None if nobody got this payload.
    """
    grant = grants.of_payload(connection, payload)
    if grant is None:
        return None
    whose = select(members.c.pseudonym, members.c.erased_ms).where(members.c.id == grant.member_id)
    member = connection.execute(whose).one()
    shown = select(sessions.c.pseudonym, sessions.c.started_ms).where(sessions.c.id == grant.session_id)
    session = connection.execute(shown).one()
    session_name = read(connection, vault, "session", [grant.session_id]).get(grant.session_id, session.pseudonym)
    against: list[Remark] = []
    if key_id is not None and key_id != grant.key_id:
        against.append(remark("other_key", granted=grant.key_id, read=key_id))
    if media_time is not None:
        media_ms = round(media_time * 1000)
        if was_watching(connection, grant.session_id, grant.member_id, media_ms) is False:
            against.append(_absent(media_time, session.started_ms))
    return Identity(
        grant=grant,
        session=session_name,
        session_pseudonym=session.pseudonym,
        member=read(connection, vault, "member", [grant.member_id]).get(grant.member_id),
        pseudonym=member.pseudonym,
        erased=member.erased_ms,
        against=tuple(against),
    )


def _absent(media_time: float, started: int | None) -> Remark:
    moment = to_text(None if started is None else started + round(media_time * 1000))
    if moment is None:
        return remark("no_record", seconds=media_time)
    return remark("no_record_at", seconds=media_time, moment=moment)
