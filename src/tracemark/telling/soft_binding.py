"""A verdict as C2PA describes a watermark: the fields of a soft binding, by which a stripped manifest is found again.

Everybody may read a manifest, so the binding tells what the operator's mark says of the operator and the session, and
never the member. Its value names the key and the session; all viewers' copies of a session have the same.

References
----------
C2PA, 2025, "C2PA Technical Specification 2.2", "Soft binding" (``c2pa.soft-binding``); C2PA, "Soft Binding Algorithm
List", github.com/c2pa-org/softbinding-algorithm-list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tracemark.errors import TracemarkError

if TYPE_CHECKING:
    from tracemark.payload import Payload
    from tracemark.recovery import Decoding
    from tracemark.registry import Identity

LABEL = "c2pa.soft-binding"
"""Label of the assertion."""

# The list wants names that begin with a domain of the entity's, written backwards: its schema's pattern.
_ALGORITHM = re.compile(r"[a-zA-Z0-9]+\.[a-zA-Z0-9.]+")


def check_algorithm(name: str) -> str:
    """Make sure that a name can stand in C2PA's list of soft binding algorithms.

    Parameters
    ----------
    name : str
        Such as ``com.example.tracemark.2``.

    Returns
    -------
    str
        The name.

    Raises
    ------
    TracemarkError
        If it cannot.
    """
    if not _ALGORITHM.fullmatch(name):
        raise TracemarkError(f"'{name}' cannot name a C2PA algorithm", "begin with your domain, as com.example.mark.1")
    return name


def soft_binding(
    decoding: Decoding, algorithm: str | None, identities: Mapping[Payload, Identity | None] | None = None
) -> dict[str, object] | None:
    """Write the content of a `LABEL` assertion for the marks that were found.

    Parameters
    ----------
    decoding : Decoding
    algorithm : str or None
        The operator's entry in C2PA's list. Without one ``alg`` is left out, and must be given by what encloses it.
    identities : mapping, optional
        Whom the registry knows behind the payloads; sessions have pseudonyms then, and numbers otherwise.

    Returns
    -------
    dict or None
        ``alg``, ``blocks`` of ``scope`` and ``value``, and ``pad``, as the standard's CDDL has them; None if no mark
        was found.
    """
    if not decoding.members:
        return None
    blocks: list[dict[str, object]] = []
    for member in decoding.members:
        session = str(member.payload.session)
        if identities is not None:
            # In a registry the payload's numbers are the member's own, and name no session.
            identity = identities.get(member.payload)
            session = identity.session_pseudonym if identity else ""
        moving = decoding.seconds_used > 0
        span = {"start": round(member.start * 1000), "end": round(member.end * 1000)}
        block: dict[str, object] = {
            "scope": {"timespan": span} if moving else {},
            "value": f"{member.key_id}:{session}" if session else member.key_id,
        }
        if block not in blocks:
            blocks.append(block)
    return {**({"alg": algorithm} if algorithm else {}), "blocks": blocks, "pad": ""}
