"""Grants: which viewer got which payload."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain as flatten
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, select

from tracemark.payload import PAYLOAD_BITS, Payload
from tracemark.registry import chain
from tracemark.registry.tables import grants

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row, Select

    from tracemark.registry.chain import Head
    from tracemark.registry.vault import Vault

_HALF_BITS = PAYLOAD_BITS // 2
_AT_ONCE = 500
# Built once: what is done for every grant is worth it.
_EXISTING = (
    select(grants)
    .where(grants.c.session_id == bindparam("session"), grants.c.member_id == bindparam("member"))
    .where(grants.c.key_id == bindparam("key"), grants.c.profile == bindparam("version"))
    .order_by(grants.c.seq)
    .limit(1)
)
_OF_PAYLOAD = select(grants).where(grants.c.payload == bindparam("stored"))


@dataclass(frozen=True)
class Grant:
    """A payload, and whom it was given to.

    Parameters
    ----------
    number : int
        In the chain of grants, from 1.
    payload : Payload
        Two random numbers that say nothing of session and member; `Embedder.viewer` takes it.
    session_id, member_id : int
        Numbers of the session and the member in the registry.
    key_id : str
        Of the key that the mark is made with.
    profile : int
        Version of the wire format.
    granted : int
        UTC in milliseconds.
    """

    number: int
    payload: Payload
    session_id: int
    member_id: int
    key_id: str
    profile: int
    granted: int


@dataclass(frozen=True, eq=False)
class Candidates:
    """Grants as arrays, in the order in which they were given.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Of the grants.
    payloads : ndarray of uint32, shape (n, 2)
        Session and member of each payload.
    """

    numbers: NDArray[np.int64]
    payloads: NDArray[np.uint32]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.numbers)

    def payload(self, index: int) -> Payload:
        """Return one candidate's payload."""
        session, member = self.payloads[index]
        return Payload(int(session), int(member))


def existing(connection: Connection, session_id: int, member_id: int, key_id: str, profile: int) -> Grant | None:
    """Find the first grant that a member got for a session, under a key and a profile."""
    asked = {"session": session_id, "member": member_id, "key": key_id, "version": profile}
    row = connection.execute(_EXISTING, asked).one_or_none()
    return None if row is None else _grant(row)


def of_payload(connection: Connection, payload: Payload) -> Grant | None:
    """Find whom a payload was given to."""
    row = connection.execute(_OF_PAYLOAD, {"stored": as_stored(payload)}).one_or_none()
    return None if row is None else _grant(row)


def give(
    connection: Connection,
    vault: Vault,
    head: Head,
    payload: Payload,
    *,
    session_id: int,
    member_id: int,
    key_id: str,
    profile: int,
    granted: int,
) -> Grant:
    """Add a grant to the chain.

    Parameters
    ----------
    connection : Connection
        In the writing transaction in which `chain.lock` gave `head`.
    vault : Vault
    head : Head
    payload, session_id, member_id, key_id, profile, granted
        As in `Grant`.

    Returns
    -------
    Grant
    """
    row: dict[str, int | str] = {
        "session_id": session_id,
        "member_id": member_id,
        "payload": as_stored(payload),
        "key_id": key_id,
        "profile": profile,
        "granted_ms": granted,
    }
    number = chain.extend(connection, vault, grants, head, [row])
    return Grant(number, payload, session_id, member_id, key_id, profile, granted)


def unused_payload(connection: Connection) -> Payload:
    """Draw a payload of 64 random bits that nobody has got."""
    while True:
        payload = random_payload()
        if of_payload(connection, payload) is None:
            return payload


def random_payload() -> Payload:
    """Draw 64 bits from the operating system's random source."""
    return Payload(secrets.randbits(_HALF_BITS), secrets.randbits(_HALF_BITS))


def as_stored(payload: Payload) -> int:
    """Write a payload as the signed 64 bits that databases know."""
    number = payload.session << _HALF_BITS | payload.member
    return number - (1 << PAYLOAD_BITS) if number >> (PAYLOAD_BITS - 1) else number


def from_stored(number: int) -> Payload:
    """Read what `as_stored` wrote."""
    return Payload((number >> _HALF_BITS) & 0xFFFFFFFF, number & 0xFFFFFFFF)


def candidates(
    connection: Connection, session_ids: Iterable[int] | None = None, member_ids: Iterable[int] | None = None
) -> Candidates:
    """Take grants out as arrays.

    Parameters
    ----------
    connection : Connection
    session_ids : iterable of int, optional
        Of these sessions only.
    member_ids : iterable of int, optional
        Of these members only; needs `session_ids`.

    Returns
    -------
    Candidates
    """
    # Nothing else: SQLite finds both in the index of payloads, and need not read the grants themselves.
    wanted = select(grants.c.seq, grants.c.payload)
    if session_ids is None:
        return _arrays([_rows(connection, wanted)])
    parts = []
    ours = wanted.where(grants.c.session_id.in_(list(session_ids)))
    if member_ids is None:
        parts.append(_rows(connection, ours))
    else:
        numbers = sorted(set(member_ids))
        for first in range(0, len(numbers), _AT_ONCE):
            some = grants.c.member_id.in_(numbers[first : first + _AT_ONCE])
            parts.append(_rows(connection, ours.where(some)))
    return _arrays(parts)


def _rows(connection: Connection, wanted: Select[int, int]) -> NDArray[np.int64]:
    rows = connection.execute(wanted)
    return np.fromiter(flatten.from_iterable(rows), np.int64).reshape(-1, 2)


def _arrays(parts: list[NDArray[np.int64]]) -> Candidates:
    table = np.concatenate([np.empty((0, 2), np.int64), *parts])
    table = table[np.argsort(table[:, 0], kind="stable")]
    bits = table[:, 1].astype(np.uint64)  # two's complement: the sign is the topmost bit of the session
    halves = np.stack([bits >> np.uint64(_HALF_BITS), bits & np.uint64(0xFFFFFFFF)], axis=1).astype(np.uint32)
    return Candidates(table[:, 0].copy(), halves)


def _grant(row: Row[tuple[int, ...]]) -> Grant:
    return Grant(
        row.seq, from_stored(row.payload), row.session_id, row.member_id, row.key_id, row.profile, row.granted_ms
    )
