"""A registry as a report asks it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tracemark.evidence.knowledge import Access, Identity, Watching
from tracemark.payload import Payload

if TYPE_CHECKING:
    from tracemark.naming import Named, Viewers
    from tracemark.recovery import Candidates, Decoding
    from tracemark.registry import Registry


class Registered:
    """What a registry knows, in the form that reports take.

    Parameters
    ----------
    viewers : Viewers
        Its registry is open for as long as this is asked.
    """

    def __init__(self, viewers: Viewers) -> None:
        self._viewers = viewers

    @property
    def _registry(self) -> Registry:
        return self._viewers.registry

    @property
    def candidates(self) -> Candidates:
        """Everyone in the registry, or its viewers of one session."""
        return self._viewers.candidates

    @property
    def session(self) -> tuple[str, str] | None:
        """Pseudonym and true name of the session that was asked for; None if none was.

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        if self._viewers.session is None:
            return None
        (asked,) = self._registry.sessions(self._viewers.session)
        return asked.pseudonym, asked.name

    def named(self, decoding: Decoding, /) -> Named:
        """Tell whom a verdict speaks of.

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        return self._viewers.named(decoding)

    def identity(self, payload: Payload, key_id: str, /) -> Identity | None:
        """Tell who a payload was granted to under a key; None if nobody.

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        found = self._registry.identify(payload, key_id=key_id)
        if found is None:
            return None
        names = (found.session, found.member) if found.member is not None else None
        return Identity(found.session_pseudonym, found.pseudonym, names)

    def watching(self, payload: Payload, key_id: str, media_time: float | None, /) -> Watching:
        """Tell who was connected to a payload's session around a media time.

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        found = self._registry.identify(payload, media_time=media_time, key_id=key_id)
        if found is None:
            return Watching(None)
        if media_time is None:
            return Watching(None, against=found.against)
        (session,) = self._registry.sessions(found.session)
        moment = None if session.started is None else _moment(session.started + round(media_time * 1000))
        records, others = [], set()
        for each in self._registry.who_watched(found.session, media_time=media_time):
            if each.pseudonym != found.pseudonym:
                others.add(each.pseudonym)
                continue
            records.append(Access(_moment(each.joined), "join", each.pseudonym, each.ip or None, each.port))
            if each.left is not None:
                records.append(Access(_moment(each.left), "leave", each.pseudonym, each.ip or None, each.port))
        return Watching(moment, records, found.against, len(others))


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
