"""What was found, and what came of it: two chains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import select

from tracemark.errors import RegistryError
from tracemark.registry import chain, grants
from tracemark.registry.names import now_ms
from tracemark.registry.tables import detections, outcomes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracemark.payload import Payload
    from tracemark.registry.vault import Vault

Outcome = Literal["confirmed", "mistaken", "noticed", "removed", "closed"]
"""What came of a detection: a human confirmed it, or found it mistaken; a notice was sent; the leak was taken down; no
more will be done."""


@dataclass(frozen=True)
class Detection:
    """A mark that was found in a leak. The leak's file name is not kept: it may name somebody.

    Parameters
    ----------
    payload : Payload
    leak_sha256 : str
        Of the leak's file, in hexadecimal.
    method : str
        ``payload`` or ``registry``, as in `tracemark.recovery.Decoding`.
    key_id : str
    p_false : float
    media_time : float or None
        Seconds from the start of the stream.
    contradictions : tuple of str
        What speaks against the member, in words that name nobody.
    software : str
        Version that found it.
    """

    payload: Payload
    leak_sha256: str
    method: str
    key_id: str
    p_false: float
    media_time: float | None
    contradictions: tuple[str, ...]
    software: str


def add(connection: Connection, vault: Vault, found: Iterable[Detection], *, once: bool = False) -> int:
    """Enter detections in their chain.

    Parameters
    ----------
    connection : Connection
    vault : Vault
    found : iterable of Detection
    once : bool, optional
        Leave out what the chain holds already: whoever was interrupted may tell it again.

    Returns
    -------
    int
        Number of the chain's last row.
    """
    # The chain's head comes first: nobody else can enter the same in between.
    head = chain.lock(connection, vault, detections)
    rows: list[dict[str, chain.Value]] = []
    for each in found:
        if once and _entered(connection, each):
            continue
        grant = grants.of_payload(connection, each.payload)
        rows.append(
            {
                "detected_ms": now_ms(),
                "leak_sha256": each.leak_sha256,
                "method": each.method,
                "payload": grants.as_stored(each.payload),
                "grant_seq": grant.number if grant else None,
                "key_id": each.key_id,
                "p_false": each.p_false,
                "media_ms": None if each.media_time is None else round(each.media_time * 1000),
                "contradictions": "\n".join(each.contradictions),
                "software": each.software,
            }
        )
    return chain.extend(connection, vault, detections, head, rows) if rows else head.length


def _entered(connection: Connection, found: Detection) -> bool:
    same = select(detections.c.seq).where(
        detections.c.leak_sha256 == found.leak_sha256,
        detections.c.payload == grants.as_stored(found.payload),
        detections.c.key_id == found.key_id,
    )
    return connection.execute(same.limit(1)).first() is not None


def add_outcome(connection: Connection, vault: Vault, detection: int, outcome: Outcome) -> int:
    """Enter in its chain what came of a detection.

    Returns
    -------
    int
        Number of the entry.

    Raises
    ------
    RegistryError
        If there is no such detection or outcome.
    """
    if outcome not in get_args(Outcome):
        raise RegistryError(f"{outcome!r} is no outcome", f"outcomes are {', '.join(get_args(Outcome))}")
    if connection.execute(select(detections.c.seq).where(detections.c.seq == detection)).first() is None:
        raise RegistryError(f"there is no detection {detection}")
    row = {"detection_seq": detection, "outcome": outcome, "at_ms": now_ms()}
    return chain.append(connection, vault, outcomes, [row])
