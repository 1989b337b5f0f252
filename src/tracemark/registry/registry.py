"""The registry: who there is, who got which payload, who was watching, and what was found."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from tracemark.errors import RegistryError
from tracemark.profile import PROFILE
from tracemark.registry import (
    accesses,
    chain,
    detecting,
    exporting,
    grants,
    identifying,
    names,
    opening,
    people,
    watching,
)
from tracemark.registry.auditing import Audit, audit
from tracemark.registry.database import PATIENCE
from tracemark.registry.names import now_ms
from tracemark.registry.people import number_of
from tracemark.registry.tables import grants as grants_table

if TYPE_CHECKING:
    from tracemark.keys import Key
    from tracemark.payload import Payload
    from tracemark.registry.accesses import Access, Recorded
    from tracemark.registry.chain import Head
    from tracemark.registry.database import Database
    from tracemark.registry.detecting import Detection, Outcome
    from tracemark.registry.grants import Candidates, Grant
    from tracemark.registry.identifying import Identity
    from tracemark.registry.people import Erased, Member, Session
    from tracemark.registry.vault import Vault
    from tracemark.registry.watching import Watcher

_LATEST_MS = 2**47  # as in access records


class Registry:
    """A registry in a database. Any thread may use it.

    Made by `open` or `create`.

    Parameters
    ----------
    database : Database
    vault : Vault
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self.vault = vault

    @classmethod
    def create(cls, url: str, key: str | Path | None = None, *, patience: float = PATIENCE) -> Registry:
        """Make a registry, or bring one of an older version up to this one's.

        Parameters
        ----------
        url : str
            ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``.
        key : str or Path, optional
            File of the registry's key, which is made if there is none; by default beside an SQLite file, or in the
            user's configuration folder.
        patience : float
            Seconds to wait for a lock or a server.

        Returns
        -------
        Registry

        Raises
        ------
        RegistryError
            If the database cannot be written to, or was made by a newer version or with another key.
        KeyFileError
            If the key cannot be read or written.
        """
        return cls(*opening.made(url, key, patience))

    @classmethod
    def open(cls, url: str, key: str | Path | None = None, *, patience: float = PATIENCE) -> Registry:
        """Open a registry.

        Parameters
        ----------
        url, key, patience
            As in `create`.

        Returns
        -------
        Registry

        Raises
        ------
        RegistryError
            If the database cannot be read, or is no registry, or of another version, or of another key.
        KeyFileError
            If the key cannot be read.
        """
        return cls(*opening.opened(url, key, patience))

    def close(self) -> None:
        """Close every connection to the database."""
        self.database.close()

    def __enter__(self) -> Self:
        """Use the registry in a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it when the block ends."""
        self.close()

    # Who there is

    def register(self, kind: Literal["performer", "session", "member"], name: str) -> int:
        """Return the number of a name, which is registered if it is new."""
        with self.database.writing() as connection:
            return names.register(connection, self.vault, kind, name)

    def set_session(self, name: str, *, performer: str | None = None, started: int | None = None) -> None:
        """Register a session, or say more of it.

        Parameters
        ----------
        name : str
        performer : str, optional
            Who performs in it.
        started : int, optional
            When its media time 0 was, UTC in milliseconds.
        """
        with self.database.writing() as connection:
            people.set_session(connection, self.vault, name, performer, started)

    def sessions(self, name: str | None = None) -> list[Session]:
        """List the sessions, or the one that has a name or pseudonym.

        Raises
        ------
        RegistryError
            If none has it.
        """
        with self.database.reading() as connection:
            return people.sessions_of(connection, self.vault, name)

    def members(self, name: str | None = None) -> list[Member]:
        """List the members, or the one that has a name or pseudonym.

        Raises
        ------
        RegistryError
            If none has it.
        """
        with self.database.reading() as connection:
            return people.members_of(connection, self.vault, name)

    def member(self, name: str) -> Member:
        """Return the member who has a name or pseudonym; a name that is new is registered."""
        with self.database.writing() as connection:
            try:
                people.number_of(connection, self.vault, "member", name)
            except RegistryError:
                names.add(connection, self.vault, "member", name)
            return people.members_of(connection, self.vault, name)[0]

    # Who got which payload

    def grant(self, session: str, member: str, key: Key, profile: int = PROFILE.version) -> Grant:
        """Give a member their payload for a session; it is on the disk when this returns.

        Whoever comes back gets the payload that they had: what leaks of both copies then speaks for one candidate.

        Parameters
        ----------
        session, member : str
            Any names; registered if they are new.
        key : Key
            That the mark will be made with.
        profile : int
            Version of the wire format.

        Returns
        -------
        Grant

        Raises
        ------
        RegistryError
            If the database does not answer, or a name cannot be one.
        """
        with self.database.reading() as connection:
            session_id = names.find(connection, self.vault, "session", session)
            member_id = names.find(connection, self.vault, "member", member)
            if session_id is not None and member_id is not None:
                had = grants.existing(connection, session_id, member_id, key.id, profile)
                if had is not None:
                    return had
        with self.database.writing() as connection:
            # The chain's head comes first: whoever else gives to the same member has given when we get it.
            head = chain.lock(connection, self.vault, grants_table)
            session_id = session_id or names.add(connection, self.vault, "session", session)
            member_id = member_id or names.add(connection, self.vault, "member", member)
            had = grants.existing(connection, session_id, member_id, key.id, profile)
            if had is not None:
                return had
            payload = grants.unused_payload(connection)
            said = {"session_id": session_id, "member_id": member_id, "profile": profile, "granted": now_ms()}
            return grants.give(connection, self.vault, head, payload, key_id=key.id, **said)

    def admit(self, payload: Payload, session: str, member: str, *, key_id: str, profile: int, granted: int) -> Grant:
        """Enter a grant that was given while the registry could not be reached; once, however often it is told.

        Parameters
        ----------
        payload : Payload
        session, member : str
        key_id : str
        profile : int
        granted : int
            When it was given, UTC in milliseconds.

        Returns
        -------
        Grant

        Raises
        ------
        RegistryError
            If the database does not answer, or somebody else has this payload.
        """
        with self.database.writing() as connection:
            head = chain.lock(connection, self.vault, grants_table)
            session_id = names.register(connection, self.vault, "session", session)
            member_id = names.register(connection, self.vault, "member", member)
            had = grants.of_payload(connection, payload)
            if had is None:
                said = {"session_id": session_id, "member_id": member_id, "profile": profile, "granted": granted}
                return grants.give(connection, self.vault, head, payload, key_id=key_id, **said)
        if (had.session_id, had.member_id) != (session_id, member_id):
            raise RegistryError("a payload was given to two members", "run 'tracemark registry verify'")
        return had

    def candidates(
        self, session: str | None = None, *, at: int | None = None, media_time: float | None = None
    ) -> Candidates:
        """Return grants as arrays, for scoring.

        Parameters
        ----------
        session : str, optional
            Name or pseudonym of a session: of this one only.
        at : int, optional
            Only of those who were watching then, UTC in milliseconds.
        media_time : float, optional
            Only of those who were watching when this was shown, in seconds from the session's start.

        Returns
        -------
        Candidates

        Raises
        ------
        RegistryError
            If there is no such session, or a moment without one.
        """
        with self.database.reading() as connection:
            if session is None:
                if at is not None or media_time is not None:
                    raise RegistryError("a moment alone is not enough", "name the session too")
                return grants.candidates(connection)
            session_id = number_of(connection, self.vault, "session", session)
            if at is None and media_time is None:
                return grants.candidates(connection, [session_id])
            moment, media = _moment(at, media_time)
            there = watching.watching_ids(connection, session_id, moment, media=media)
            return grants.candidates(connection, [session_id], there)

    def connected(self, session: str, candidates: Candidates) -> list[list[tuple[float, float]]]:
        """Say of each candidate of a session when they were watching.

        Parameters
        ----------
        session : str
        candidates : Candidates

        Returns
        -------
        list of list of tuple of float
            For every candidate stretches of media time, in seconds; see `tracemark.registry.watching.connected`. Empty
            altogether if the session has no records with known media time: then nothing is known of anybody.
        """
        with self.database.reading() as connection:
            held = watching.connected(connection, number_of(connection, self.vault, "session", session))
        return [held.get(number, []) for number in candidates.numbers.tolist()] if held else []

    def identify(
        self, payload: Payload, *, media_time: float | None = None, key_id: str | None = None
    ) -> Identity | None:
        """Say whom a payload was given to, and what speaks against them.

        Parameters
        ----------
        payload : Payload
        media_time : float, optional
            What the leak shows, in seconds from the start of the stream, modulo a day.
        key_id : str, optional
            Of the key that the mark was read with.

        Returns
        -------
        Identity or None
            None if nobody got this payload.
        """
        with self.database.reading() as connection:
            return identifying.identify(connection, self.vault, payload, media_time, key_id)

    # Who was watching

    def record(self, records: Iterable[Access], *, dry_run: bool = False) -> Recorded:
        """Write access records; see `tracemark.registry.accesses.record`."""
        return accesses.record(self.database, self.vault, records, dry_run=dry_run)

    def who_watched(self, session: str, *, at: int | None = None, media_time: float | None = None) -> list[Watcher]:
        """List who was watching a session at a moment, in the order in which they joined.

        Parameters
        ----------
        session : str
        at : int, optional
            UTC in milliseconds.
        media_time : float, optional
            Seconds from the session's start. One of the two must be given.

        Returns
        -------
        list of Watcher

        Raises
        ------
        RegistryError
            If there is no such session, or not one moment.
        """
        moment, media = _moment(at, media_time)
        with self.database.reading() as connection:
            session_id = number_of(connection, self.vault, "session", session)
            return watching.watchers(connection, self.vault, session_id, moment, media=media)

    # What was found

    def detected(self, found: Iterable[Detection], *, once: bool = False) -> int:
        """Enter detections in their chain.

        Parameters
        ----------
        found : iterable of Detection
        once : bool, optional
            Leave out what the chain holds already: the same payload under the same key in the same leak.

        Returns
        -------
        int
            Number of the chain's last row.
        """
        with self.database.writing() as connection:
            return detecting.add(connection, self.vault, found, once=once)

    def outcome(self, detection: int, outcome: Outcome) -> int:
        """Enter in its chain what came of a detection; returns the number of the entry.

        Raises
        ------
        RegistryError
            If there is no such detection or outcome.
        """
        with self.database.writing() as connection:
            return detecting.add_outcome(connection, self.vault, detection, outcome)

    # Keeping it honest

    def erase(self, member: str) -> Erased:
        """Destroy the link between a member's name and everything that is kept of them.

        Name, its look-up, addresses and user agents are deleted and overwritten; grants, records and their counts
        stay under the pseudonym.

        Parameters
        ----------
        member : str
            Name or pseudonym.

        Returns
        -------
        Erased

        Raises
        ------
        RegistryError
            If there is no such member, or the database's files still hold the name.
        """
        with self.database.writing() as connection:
            left = people.erase(connection, self.vault, member)
        # Also if it was erased before: that may have been interrupted here.
        for table in ("names", "accesses"):
            self.database.scrub(table)
        return left

    def audit(self, expected: Iterable[Head] = ()) -> Audit:
        """Check that nothing was changed; see `tracemark.registry.auditing.audit`."""
        with self.database.reading() as connection:
            return audit(connection, self.vault, expected)

    @contextlib.contextmanager
    def export(self, *, disclose: bool = False) -> Iterator[Iterator[dict[str, object]]]:
        """Give out every row; see `tracemark.registry.exporting.export`."""
        with self.database.reading() as connection:
            yield exporting.export(connection, self.vault, disclose=disclose)


def _moment(at: int | None, media_time: float | None) -> tuple[int, bool]:
    """Milliseconds, and whether they are media time."""
    if (at is None) == (media_time is None):
        raise RegistryError("one moment must be given", "either UTC or media time")
    moment = at if media_time is None else round(media_time * 1000)
    assert moment is not None
    if not 0 <= moment < _LATEST_MS:
        raise RegistryError("the moment is out of range", "times are not negative")
    return moment, media_time is not None
