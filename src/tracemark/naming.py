"""Whom a registry knows behind a leak: it gives a decode its candidates, and what was found its names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracemark import __version__
from tracemark.recovery import Candidates

if TYPE_CHECKING:
    from tracemark.payload import Payload
    from tracemark.recovery import Decoding
    from tracemark.recovery.verdict import Member
    from tracemark.registry import Identity, Registry
    from tracemark.telling import Identities


@dataclass(frozen=True)
class Named:
    """A verdict, and whom it speaks of.

    Parameters
    ----------
    decoding : Decoding
    identities : mapping of Payload to Identity or None
        Of everyone who is told of: members, runners-up, and whom visible codes name. None for a payload that nobody was
        given.
    """

    decoding: Decoding
    identities: Identities

    @property
    def under_pseudonyms(self) -> Named:
        """The same without a true name in it."""
        return replace(self, identities={payload: _veiled(each) for payload, each in self.identities.items()})


class Viewers:
    """Everyone whom a registry gave a payload, as decodes ask for them: read once for any number of leaks.

    Parameters
    ----------
    registry : Registry
        Open for as long as this is asked.
    session : str, optional
        Name or pseudonym of a session: only its viewers.

    Attributes
    ----------
    session : str or None
    candidates : Candidates
        To decode with; with their connections if they are of one session. An empty list is as good as none: blind
        decoding reads what there is.

    Raises
    ------
    RegistryError
        If the database does not answer, or there is no such session.
    """

    def __init__(self, registry: Registry, session: str | None = None) -> None:
        self.registry = registry
        self.session = session
        held = registry.candidates(session)
        connected = registry.connected(session, held) if session is not None else ()
        self.candidates = Candidates(held.payloads, connected=connected)

    def named(self, decoding: Decoding) -> Named:
        """Ask who is behind the payloads of a verdict, and what speaks against them.

        What the registry says takes the place of what the decode said of the same thing: the registry has the whole of
        the access records, also beyond the day after which the mark's clock starts again.

        Parameters
        ----------
        decoding : Decoding

        Returns
        -------
        Named

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        asked: dict[Payload, tuple[float | None, str]] = {}
        for code in decoding.visible_codes:
            asked[code.payload] = None, code.key_id
        for member in decoding.members:
            if member.runner_up:
                asked[member.runner_up] = member.media_time, member.key_id
        for member in decoding.members:
            asked[member.payload] = member.media_time, member.key_id
        identities = {
            payload: self.registry.identify(payload, media_time=media_time, key_id=key_id)
            for payload, (media_time, key_id) in asked.items()
        }
        members = tuple(self._settled(member, identities[member.payload]) for member in decoding.members)
        return Named(replace(decoding, members=members), identities)

    def _settled(self, member: Member, identity: Identity | None) -> Member:
        """Keep of a contradiction only what the registry does not say itself."""
        elsewhere = identity is not None and self.candidates.index(member.payload) is None
        return member if elsewhere else replace(member, against=None)

    def write_down(self, sha256: str, named: Named, *, once: bool = False) -> None:
        """Enter what was found in the registry's chain of detections.

        Parameters
        ----------
        sha256 : str
            Of the leak.
        named : Named
            One that found nobody leaves no entry.
        once : bool, optional
            Leave out what the chain holds already: the same mark in the same leak.

        Raises
        ------
        RegistryError
            If the database does not answer.
        """
        from tracemark.registry import Detection  # noqa: PLC0415 - an extra, of which there is one if there is a registry

        found = []
        for member in named.decoding.members:
            identity = named.identities.get(member.payload)
            found.append(
                Detection(
                    payload=member.payload,
                    leak_sha256=sha256,
                    method=member.method,
                    key_id=member.key_id,
                    p_false=member.p_false,
                    media_time=member.media_time,
                    contradictions=identity.contradictions if identity else (),
                    software=f"tracemark {__version__}",
                )
            )
        if found:
            self.registry.detected(found, once=once)


def _veiled(identity: Identity | None) -> Identity | None:
    if identity is None:
        return None
    member = identity.pseudonym if identity.member is not None else None
    return replace(identity, session=identity.session_pseudonym, member=member)
